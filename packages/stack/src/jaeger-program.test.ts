import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { jaegerProgram } from './jaeger-program.ts';
import { readSettings } from './settings.ts';

test('without Go, adding Jaeger says what is missing and where to get it', async (t) => {
  const cache = mkdtempSync(join(tmpdir(), 'no-go-'));
  t.after(() => rmSync(cache, { recursive: true }));
  const settings = { ...readSettings(), cache };
  await assert.rejects(
    jaegerProgram(settings, () => undefined, AbortSignal.timeout(5_000), '/nonexistent'),
    { code: 'no_go', message: /go\.dev.*containers/ },
  );
});
