import { existsSync } from 'node:fs';
import { request } from 'node:http';
import { controlSocket } from './home.ts';
import { logFile } from './part-log.ts';
import { messageOf, StackProblem } from './stack-problem.ts';
import type { ShopStatus } from './supervisor.ts';

// A question is answered from memory; what changes something takes its time.
const ANSWER_WITHIN_MS = 20_000;
// Whoever was asked says first, and better, what takes so long.
const LATER_MS = 5_000;

/**
 * Asks the supervisor of a home over its socket, and waits a little longer than what is asked may take. Whatever it refuses comes back as a StackProblem
 * with its code.
 */
export async function askSupervisor(
  home: string,
  method: 'GET' | 'POST',
  path: string,
  withinMs = ANSWER_WITHIN_MS,
): Promise<unknown> {
  const socketPath = controlSocket(home);
  const notRunning = (cause?: unknown) =>
    new StackProblem('not_running', `No shop runs in ${home}. Start it with: npm start`, { cause });
  const silent = (cause: unknown) =>
    new StackProblem(
      'no_answer',
      `The supervisor of ${home} ended or hangs: it gave no answer (${messageOf(cause)}). See ${logFile(home, 'supervisor')}; if it hangs, kill it and: npm run stack -- down`,
      { cause },
    );
  if (!existsSync(socketPath)) throw notRunning();
  const { status, body } = await new Promise<{ status: number; body: string }>((resolve, reject) => {
    const signal = AbortSignal.timeout(method === 'GET' ? withinMs : withinMs + LATER_MS);
    const asked = request({ socketPath, method, path, agent: false, signal }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => (text += chunk));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: text }));
      answer.on('error', (error) => reject(silent(error)));
    });
    asked.on('error', (error) => {
      const isGone = 'code' in error && (error.code === 'ECONNREFUSED' || error.code === 'ENOENT');
      reject(isGone ? notRunning(error) : silent(error));
    });
    asked.end();
  });
  const said: unknown = JSON.parse(body);
  if (status < 300) return said;
  const { code, message } = said as { code: string; message: string };
  throw new StackProblem(code, message);
}

/** The supervisor's view of the shop; a shop that does not run has no parts. */
export async function askStatus(home: string): Promise<ShopStatus> {
  try {
    return (await askSupervisor(home, 'GET', '/status')) as ShopStatus;
  } catch (error) {
    if (error instanceof StackProblem && error.code === 'not_running')
      return { state: 'stopped', target: 'native', parts: [] };
    throw error;
  }
}
