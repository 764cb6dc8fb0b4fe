import assert from 'node:assert/strict';

export type Sample = { readonly labels: Readonly<Record<string, string>>; readonly value: number };

export type Prometheus = {
  /** What an instant query answers, for now or a moment in Unix seconds: nothing, when no series is there. */
  readonly query: (expression: string, atSeconds?: number) => Promise<Sample[]>;
  /** The names of the alerts that fire now. */
  readonly firing: () => Promise<string[]>;
  /** How many rules there are, and the names of those that cannot be evaluated. */
  readonly rules: () => Promise<{ readonly count: number; readonly broken: readonly string[] }>;
};

const answerTimeoutMs = 10_000;

/** The Prometheus at this address. */
export function prometheusAt(url: string): Prometheus {
  const ask = async <T>(path: string): Promise<T> => {
    const response = await fetch(`${url}/api/v1/${path}`, { signal: AbortSignal.timeout(answerTimeoutMs) });
    const answer = (await response.json()) as { status: string; error?: string; data: T };
    assert.equal(answer.status, 'success', `${path}: ${answer.error}`);
    return answer.data;
  };
  return {
    query: async (expression, atSeconds) => {
      type Found = { result: { metric: Record<string, string>; value: [number, string] }[] };
      const time = atSeconds === undefined ? '' : `&time=${atSeconds}`;
      const { result } = await ask<Found>(`query?query=${encodeURIComponent(expression)}${time}`);
      return result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
    },
    firing: async () => {
      const { alerts } = await ask<{ alerts: { state: string; labels: { alertname: string } }[] }>('alerts');
      return [...new Set(alerts.filter(({ state }) => state === 'firing').map(({ labels }) => labels.alertname))];
    },
    rules: async () => {
      const { groups } = await ask<{ groups: { rules: { name: string; health: string }[] }[] }>('rules');
      const rules = groups.flatMap((group) => group.rules);
      return { count: rules.length, broken: rules.filter(({ health }) => health !== 'ok').map(({ name }) => name) };
    },
  };
}
