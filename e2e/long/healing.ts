import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { ServiceName } from '@sagamart/contracts/topics';
import { waitUntil } from '@sagamart/test-kit/wait-until';

const program = join(import.meta.dirname, '../../packages/stack/src/cli.ts');
const saysWithinMs = 15_000;

export type Healing = {
  readonly says: (words: RegExp) => Promise<void>;
  /** As Ctrl-C does. */
  readonly breakOff: () => void;
  readonly code: () => Promise<number | null>;
};

/** `npm run stack -- heal <service> --since <time>`, in a process that can be broken off. */
export function startHealing(service: ServiceName, since: Date): Healing {
  const args = [program, 'heal', service, '--since', since.toISOString()];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(child, 'exit') as Promise<[number | null]>;
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => (said += text.toString()));
  return {
    says: async (words) => {
      const isSaid = () => words.test(said);
      await waitUntil(`the healing to say ${words}`, isSaid, saysWithinMs).catch((error: unknown) => {
        throw new Error(`It said: ${said}`, { cause: error });
      });
    },
    breakOff: () => void child.kill('SIGINT'),
    code: async () => (await exited)[0],
  };
}
