import assert from 'node:assert/strict';
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

export type Sample = { readonly labels: Readonly<Record<string, string>>; readonly value: number };

export type ShopPrometheus = {
  /** What an instant query answers: nothing, when no series is there. */
  readonly query: (expression: string) => Promise<Sample[]>;
  /** The names of the alerts that fire now. */
  readonly firing: () => Promise<string[]>;
};

const answerTimeoutMs = 10_000;

/** A Prometheus of the test's own over the running shop, until the tests of the file are over. `windowFactor` shortens the windows of the alerts. */
export async function openPrometheus({ windowFactor }: { windowFactor: number }): Promise<ShopPrometheus> {
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

  const ask = async (path: string): Promise<unknown> => {
    const response = await fetch(`${part.url}/api/v1/${path}`, { signal: AbortSignal.timeout(answerTimeoutMs) });
    const answer = (await response.json()) as { status: string; error?: string; data: unknown };
    assert.equal(answer.status, 'success', `${path}: ${answer.error}`);
    return answer.data;
  };
  const query = async (expression: string): Promise<Sample[]> => {
    const { result } = (await ask(`query?query=${encodeURIComponent(expression)}`)) as {
      result: { metric: Record<string, string>; value: [number, string] }[];
    };
    return result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
  };
  const firing = async (): Promise<string[]> => {
    const { alerts } = (await ask('alerts')) as { alerts: { state: string; labels: { alertname: string } }[] };
    return [...new Set(alerts.filter(({ state }) => state === 'firing').map(({ labels }) => labels.alertname))];
  };
  await waitUntil('Prometheus to see every service', async () => (await query('up == 1')).length === 6, 30_000);
  return { query, firing };
}
