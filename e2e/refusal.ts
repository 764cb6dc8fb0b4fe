import assert from 'node:assert/strict';
import { expectProblem, type Answer } from './shop-client.ts';

/** Something a client gets wrong, and the refusal it must get: the status, the stable code, the field that is named. */
export type Refusal = {
  what: string;
  body?: unknown;
  raw?: string | Buffer;
  headers?: Record<string, string>;
  status: number;
  code?: string;
  pointer?: string;
};

/** Fails unless the answer is problem+json with what was expected of it. */
export function assertRefused(
  answer: Answer,
  expected: { status: number; code?: string | undefined; pointer?: string | undefined },
): void {
  const problem = expectProblem(expected.status, answer);
  if (expected.code !== undefined) assert.equal(problem.code, expected.code);
  if (expected.pointer !== undefined) {
    const pointers = (problem.errors ?? []).map(({ pointer }) => pointer);
    assert.ok(pointers.includes(expected.pointer), `expected errors to name ${expected.pointer}, got ${answer.text}`);
  }
}
