import { setTimeout as delay } from 'node:timers/promises';
import { connectUrl, type DatabaseService } from './addresses.ts';
import { connectorName, readConnectors } from './connect.ts';
import type { Settings } from './settings.ts';

const ANSWER_WITHIN_MS = 60_000;
const ASK_EVERY_MS = 200;

/** Stops a connector for good, also over restarts of Connect, and resolves when it has let go of its slot. */
export async function stopConnector(settings: Settings, service: DatabaseService): Promise<void> {
  await askPatiently(settings, service, 'PUT', '/stop');
  const deadline = Date.now() + ANSWER_WITHIN_MS;
  for (;;) {
    const state = (await readConnectors(settings)).get(connectorName(service));
    if (state?.connector === 'STOPPED' && state.tasks.length === 0) return;
    if (Date.now() > deadline)
      throw new Error(`${connectorName(service)} was to stop within ${ANSWER_WITHIN_MS / 1000} s and still runs`);
    await delay(ASK_EVERY_MS);
  }
}

/** Makes Connect forget how far a stopped connector has read: it goes on from what its slot has confirmed. */
export async function forgetPosition(settings: Settings, service: DatabaseService): Promise<void> {
  await askPatiently(settings, service, 'DELETE', '/offsets');
}

/** Lets a stopped connector go on. One that runs is left alone. */
export async function resumeConnector(settings: Settings, service: DatabaseService): Promise<void> {
  await askPatiently(settings, service, 'PUT', '/resume');
}

/** A worker that just starts, rebalances or stops a task refuses for a moment. */
async function askPatiently(
  settings: Settings,
  service: DatabaseService,
  method: 'PUT' | 'DELETE',
  path: string,
): Promise<void> {
  const url = `${connectUrl(settings)}/connectors/${connectorName(service)}${path}`;
  const deadline = Date.now() + ANSWER_WITHIN_MS;
  for (;;) {
    const said = await fetch(url, { method, signal: AbortSignal.timeout(ANSWER_WITHIN_MS) }).then(
      async (answer) => (answer.ok ? undefined : `${answer.status} ${await answer.text()}`),
      String,
    );
    if (said === undefined) return;
    if (Date.now() > deadline)
      throw new Error(`Connect refuses ${method} ${path} of ${connectorName(service)}: ${said}`);
    await delay(ASK_EVERY_MS);
  }
}
