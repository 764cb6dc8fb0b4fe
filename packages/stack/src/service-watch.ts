import { setTimeout as delay } from 'node:timers/promises';
import type { PartRunner } from './part-runner.ts';
import type { Supervisor } from './supervisor.ts';

const WATCH_EVERY_MS = 2_000;
const ANSWER_WITHIN_MS = 1_500;

/** Shows the alarms that services tell at /readyz in the status of their parts, until the signal aborts. */
export function watchServices(supervisor: Supervisor, signal: AbortSignal): void {
  const services = supervisor.partsOfKind('service');
  void (async () => {
    while (!signal.aborted) {
      await Promise.all(services.map(lookOnce));
      await delay(WATCH_EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  })();
}

async function lookOnce(service: PartRunner): Promise<void> {
  if (!service.isRunning()) return service.setAlarm(undefined);
  const alarms = await readAlarms(service.part.url);
  if (alarms !== undefined) service.setAlarm(alarms.length === 0 ? undefined : alarms.join('; '));
}

/** Undefined when nothing can be said: the service does not answer, or is not ready. What was last heard of it then still stands. */
async function readAlarms(url: string): Promise<string[] | undefined> {
  try {
    const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
    const said: unknown = await answer.json();
    if (!answer.ok || typeof said !== 'object' || said === null) return undefined;
    return 'alarms' in said && Array.isArray(said.alarms) ? said.alarms.map(String) : [];
  } catch {
    return undefined;
  }
}
