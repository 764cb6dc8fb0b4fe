import { setTimeout as delay } from 'node:timers/promises';
import { connectUrl, type DatabaseService } from './addresses.ts';
import { connectorName, readConnectors } from './connectors.ts';
import type { Say } from './part.ts';
import type { Settings } from './settings.ts';
import { messageOf, StackProblem } from './stack-problem.ts';
import { keepSaying } from './waiting-words.ts';

const ANSWER_WITHIN_MS = 60_000;
const ASK_WITHIN_MS = 10_000;
const ASK_EVERY_MS = 200;

/** Told whom it waits for; the signal, or a limit of less than a minute, ends the wait. */
type Asking = { readonly say?: Say; readonly signal?: AbortSignal; readonly withinMs?: number };

/** Stops a connector for good, also over restarts of Connect, and resolves when it has let go of its slot. */
export async function stopConnector(settings: Settings, service: DatabaseService, asking: Asking = {}): Promise<void> {
  await askConnect(settings, service, 'PUT /stop', asking);
  await patiently(`${connectorName(service)} to stop`, asking, async () => {
    const state = (await readConnectors(settings)).get(connectorName(service));
    return state?.connector === 'STOPPED' && state.tasks.length === 0 ? undefined : 'it still runs';
  });
}

/** Makes Connect forget how far a stopped connector has read: it goes on from what its slot has confirmed. */
export function forgetPosition(settings: Settings, service: DatabaseService, asking: Asking = {}): Promise<void> {
  return askConnect(settings, service, 'DELETE /offsets', asking);
}

/** Lets a stopped connector go on. One that runs is left alone. */
export function resumeConnector(settings: Settings, service: DatabaseService, asking: Asking = {}): Promise<void> {
  return askConnect(settings, service, 'PUT /resume', asking);
}

/** A worker that just starts, rebalances or stops a task refuses for a moment. */
function askConnect(
  settings: Settings,
  service: DatabaseService,
  request: 'PUT /stop' | 'PUT /resume' | 'DELETE /offsets',
  asking: Asking,
): Promise<void> {
  const [method, path] = request.split(' ');
  const url = `${connectUrl(settings)}/connectors/${connectorName(service)}${path}`;
  return patiently(`Connect to answer ${request} of ${connectorName(service)}`, asking, async () => {
    const answer = await fetch(url, { method: method ?? '', signal: AbortSignal.timeout(ASK_WITHIN_MS) });
    const said = await answer.text();
    return answer.ok ? undefined : `${answer.status} ${said}`;
  });
}

/** Looks until nothing is missing any more. Throws a StackProblem `no_connect` when something still is at the limit. */
async function patiently(
  what: string,
  { say = () => undefined, signal = new AbortController().signal, withinMs = ANSWER_WITHIN_MS }: Asking,
  findMissing: () => Promise<string | undefined>,
): Promise<void> {
  const over = new AbortController();
  let missing: string | undefined = 'no answer yet';
  const words = keepSaying(say, over.signal, () => `waits for ${what}: ${missing}`);
  const deadline = Date.now() + withinMs;
  try {
    for (;;) {
      signal.throwIfAborted();
      missing = await findMissing().catch(messageOf);
      if (missing === undefined) return;
      if (Date.now() > deadline)
        throw new StackProblem(
          'no_connect',
          `Waited ${withinMs / 1_000} s for ${what}: ${missing}. Look at: npm run stack -- status, and: npm run stack -- logs connect`,
        );
      await delay(ASK_EVERY_MS);
    }
  } finally {
    over.abort();
    await words;
  }
}
