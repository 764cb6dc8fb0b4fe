import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const root = join(import.meta.dirname, '..');
const endsWithinMs = 240_000;
const programs: Readonly<Record<string, string>> = {
  stack: 'packages/stack/src/cli.ts',
  parked: 'packages/stack/src/parked-cli.ts',
  payments: 'packages/stack/src/payments-cli.ts',
  notifications: 'packages/stack/src/notifications-cli.ts',
};

/**
 * Runs a command as a page of docs/runbooks prints it, with its placeholders filled in, and resolves with what it printed. Throws when the page does not
 * print it, and when it fails.
 */
export async function followRunbook(
  page: string,
  command: string,
  values: Readonly<Record<string, string>> = {},
): Promise<string> {
  if (!readFileSync(join(root, `docs/runbooks/${page}.md`), 'utf8').includes(command))
    throw new Error(`docs/runbooks/${page}.md does not say: ${command}`);
  const filled = command.replaceAll(/<([\w ]+)>/g, (placeholder, name: string) => values[name] ?? placeholder);
  const [, script = '', words = ''] = /^npm run (\w+) -- (.*)$/.exec(filled) ?? [];
  const args = [...words.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');
  const { stdout } = await promisify(execFile)(process.execPath, [join(root, programs[script] ?? ''), ...args], {
    timeout: endsWithinMs,
  });
  return stdout.trim();
}
