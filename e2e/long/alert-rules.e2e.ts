import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { prometheusPrograms } from '@sagamart/stack/prometheus-programs';
import { readSettings } from '@sagamart/stack/settings';

const run = promisify(execFile);

test('every alert waits as long as it says, fires, and ends: in the windows of a shop in earnest', async (t) => {
  const settings = readSettings();
  const { promtool } = await prometheusPrograms(settings, (detail) => t.diagnostic(detail), t.signal);
  const tests = join(settings.root, 'infra/prometheus/alert-cases.yml');
  await run(promtool, ['check', 'config', join(dirname(tests), 'prometheus.yml')]);
  await run(promtool, ['test', 'rules', tests]);
});
