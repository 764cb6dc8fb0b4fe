import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ControlAnswer, openControl } from '../control.ts';
import { describeShop } from '../describe-shop.ts';
import { readSettings } from '../settings.ts';
import { receive, send, type ToContainer } from './tool-stream.ts';

// The main process of a one-off container beside the data: `node tool-container.ts <program> <arguments>` runs that program, which finds the shop as it
// would anywhere, at a control socket. What it wants to know or change of the parts is asked of the command that started this container.
const [program = '', ...args] = process.argv.slice(2);
// Less than Docker gives a container that it stops.
const ENDS_WITHIN_MS = 9_000;
const home = join(tmpdir(), 'shop');
const waiting = new Map<number, (answer: ControlAnswer) => void>();
let questions = 0;

mkdirSync(home, { mode: 0o700 });
const control = await openControl(home, {
  describe: () => describeShop({ ...readSettings(), home }),
  answer: (path) =>
    new Promise((resolve) => {
      questions += 1;
      waiting.set(questions, resolve);
      send(process.stdout, { kind: 'question', id: questions, path });
    }),
});
const tool = spawn(process.execPath, [program, ...args], {
  env: { ...process.env, SAGAMART_HOME: home },
  stdio: ['ignore', 'pipe', 'pipe'],
});
for (const to of ['stdout', 'stderr'] as const)
  tool[to].setEncoding('utf8').on('data', (text: string) => send(process.stdout, { kind: 'output', to, text }));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => tool.kill(signal));
tool.on('close', (code) => {
  control.close();
  process.stdin.destroy();
  send(process.stdout, { kind: 'ended', code: code ?? 1 });
});

for await (const message of receive<ToContainer>(process.stdin, () => undefined)) {
  if (message.kind === 'signal') tool.kill(message.signal);
  else waiting.get(message.id)?.({ status: message.status, body: message.body });
}
// Whoever started this is gone, so nobody reads what the tool finds. It may have something to put right.
tool.kill('SIGTERM');
setTimeout(() => tool.kill('SIGKILL'), ENDS_WITHIN_MS).unref();
