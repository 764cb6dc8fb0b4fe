import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { prometheusPrograms } from './prometheus-programs.ts';
import { readSettings } from './settings.ts';

const run = promisify(execFile);

test('every alert waits as long as it says, fires, and ends: in the windows of a shop in earnest', async (t) => {
  const settings = readSettings();
  const { promtool } = await prometheusPrograms(settings, (detail) => t.diagnostic(detail), t.signal);
  const infra = join(settings.root, 'infra/prometheus');
  await run(promtool, ['check', 'config', join(infra, 'prometheus.yml')]);
  await run(promtool, ['test', 'rules', join(infra, 'alert-cases.yml')]);
});
