import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { chooseTarget, readStatus } from '@sagamart/stack/target';

const root = join(import.meta.dirname, '..');
const deadlineMs = 180_000;

/** The README's ```sh blocks as one script; those marked long are tested by everything else. */
async function readmeScript(): Promise<string> {
  const { parts } = await readStatus(await chooseTarget());
  const gateway = parts.find(({ name }) => name === 'gateway');
  assert.ok(gateway !== undefined, 'the shop has a gateway');
  const readme = await readFile(join(root, 'README.md'), 'utf8');
  const blocks = [...readme.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block);
  assert.ok(blocks.length >= 4, `the README has ${blocks.length} blocks of commands to run`);
  return blocks.join('\n').replaceAll('http://127.0.0.1:8080', gateway.url);
}

test('the commands of the README do what it says', async () => {
  const script = `set -eo pipefail\n${await readmeScript()}`;
  const { stdout } = await promisify(execFile)('bash', ['-c', script], { cwd: root, timeout: deadlineMs });
  assert.match(stdout, /"status":"(pending|confirmed)"/);
  assert.match(stdout, /order\.placed/);
  assert.match(stdout, /order +\[[\d:.]+\] INFO: order\.placed .*"traceId"/);
  assert.match(stdout, /The books balance/);
});

test('every npm command that the README names exists', async () => {
  const readme = await readFile(join(root, 'README.md'), 'utf8');
  const { scripts }: { scripts: Record<string, string> } = JSON.parse(
    await readFile(join(root, 'package.json'), 'utf8'),
  );
  const named = new Set(
    [...readme.matchAll(/npm (?:run )?((?<=run )[a-z0-9:-]+|start|test)/g)].map(([, name = '']) => name),
  );
  assert.deepEqual(
    [...named].filter((name) => scripts[name] === undefined),
    [],
  );
  assert.ok(named.size >= 6);
});
