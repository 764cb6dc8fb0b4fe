import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { makeHome } from '@sagamart/stack/home';
import { prometheusPart } from '@sagamart/stack/prometheus';
import { readSettings } from '@sagamart/stack/settings';
import { Supervisor } from '@sagamart/stack/supervisor';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import { closeOnSignal } from '../close-on-signal.ts';
import { type Prometheus, prometheusAt } from '../prometheus.ts';

/** A Prometheus of the test's own over the running shop, until the tests of the file are over. `windowFactor` shortens the windows of the alerts. */
export async function openPrometheus({ windowFactor }: { windowFactor: number }): Promise<Prometheus> {
  const home = mkdtempSync(join(tmpdir(), 'sagamart-prometheus-'));
  makeHome(home);
  const part = prometheusPart({ ...readSettings(), home }, { windowFactor });
  const supervisor = new Supervisor([part], home);
  const close = async () => {
    await supervisor.stop();
    rmSync(home, { recursive: true, force: true });
  };
  after(close);
  closeOnSignal(close);
  await supervisor.start();

  const prometheus = prometheusAt(part.url);
  const seesAll = async () => (await prometheus.query('up == 1')).length === 6;
  await waitUntil('Prometheus to see every service', seesAll, 30_000);
  return prometheus;
}
