import type { Reader } from '@sagamart/service-kit/database';
import { type OutboxSlot, readOutboxSlot } from '@sagamart/service-kit/outbox-slot';
import { databaseServices, type DatabaseService } from './addresses.ts';
import { type ConnectorState, connectorName, isUp, readConnectors, restartFailed } from './connectors.ts';
import { failureInLog, failureInTrace } from './connector-failure.ts';
import type { Sight } from './part.ts';
import type { Settings } from './settings.ts';
import { judgeSlot, openSlotReader, seeSlot, type SlotSight, unsoundSlot } from './slot-sight.ts';
import { messageOf } from './stack-problem.ts';

/** What a connector was last seen to have failed of, and where its slot stood then. */
type Failure = {
  readonly count: number;
  readonly sinceMs: number;
  readonly cause: string;
  readonly flushedLsn: string;
};
type Known = { readonly reader: Reader; slot?: SlotSight; failure?: Failure };

/**
 * A look at Connect's connectors that remembers the looks before. It restarts what FAILED, and tells of each connector that does not run, fails again and
 * again, or has a slot that nobody reads or that does not move. Connect's own word is not enough: a connector that is stuck, or tries again for ever,
 * says RUNNING. `readLog` gives the end of Connect's log, for the reason; rejects when Connect gives no answer.
 */
export function connectorLook(
  settings: Settings,
  readLog: () => Promise<string> = async () => '',
): (isUp: boolean) => Promise<Sight> {
  const known = new Map<DatabaseService, Known>(
    databaseServices.map((service) => [service, { reader: openSlotReader(settings, service) }]),
  );
  return async (isAsked) => {
    const connectors = isAsked ? await readConnectors(settings) : undefined;
    const found = await Promise.all(
      [...known].map(([service, what]) => lookAtConnector(settings, service, what, connectors)),
    );
    const alarms = found.filter((alarm) => alarm !== undefined);
    if (alarms.length === 0) return { state: 'running', words: [] };
    const log = await readLog().catch(messageOf);
    return { state: 'unhealthy', words: alarms.map(({ service, text }) => withCause(text, service, log)) };
  };
}

type Alarm = { readonly service: DatabaseService; readonly text: string };

async function lookAtConnector(
  settings: Settings,
  service: DatabaseService,
  known: Known,
  connectors: ReadonlyMap<string, ConnectorState> | undefined,
): Promise<Alarm | undefined> {
  const name = connectorName(service);
  const slot = await readOutboxSlot(known.reader).catch(() => undefined);
  const state = connectors?.get(name);
  if (state !== undefined) await restartWhatFailed(settings, name, state, known, slot?.flushedLsn ?? '');
  const texts = [
    ...(connectors === undefined ? [] : judgeConnector(name, state, known)),
    ...judgeSlotOf(service, slot, known),
  ];
  return texts.length === 0 ? undefined : { service, text: texts.join(', and ') };
}

async function restartWhatFailed(
  settings: Settings,
  name: string,
  state: ConnectorState,
  known: Known,
  flushedLsn: string,
): Promise<void> {
  const failed = [{ state: state.connector, trace: undefined }, ...state.tasks].find((one) => one.state === 'FAILED');
  if (failed !== undefined) {
    const { count = 0, sinceMs = Date.now() } = known.failure ?? {};
    known.failure = { count: count + 1, sinceMs, cause: failureInTrace(failed.trace), flushedLsn };
    await restartFailed(settings, name).catch(() => undefined);
  } else if (isUp(state) && known.failure !== undefined && known.failure.flushedLsn !== flushedLsn) {
    // It has published something, or a heartbeat, since it was restarted.
    delete known.failure;
  }
}

/** What Connect says of a connector, and what was seen of it before: one that has just been restarted says RUNNING again. */
function judgeConnector(name: string, state: ConnectorState | undefined, { failure }: Known): string[] {
  if (failure !== undefined) {
    const seconds = Math.round((Date.now() - failure.sinceMs) / 1_000);
    return [`${name} FAILED ${failure.count} times in ${seconds} s and is restarted each time: ${failure.cause}`];
  }
  if (state === undefined) return [`${name} is not registered (npm run stack -- restart connect)`];
  const service = name.replace(/-outbox$/, '');
  if (state.connector === 'STOPPED')
    return [`${name} is STOPPED, by hand or by a healing that was broken off (npm run stack -- heal ${service})`];
  return state.connector === 'PAUSED' ? [`${name} is PAUSED (npm run stack -- heal ${service} lets it go on)`] : [];
}

function judgeSlotOf(service: DatabaseService, slot: OutboxSlot | undefined, known: Known): string[] {
  // A database that does not answer says so itself.
  if (slot === undefined || slot.state !== 'sound') {
    delete known.slot;
    return slot === undefined || slot.state === 'sound' ? [] : [unsoundSlot(service, slot.state)];
  }
  known.slot = seeSlot(known.slot, slot, Date.now());
  const alarm = judgeSlot(connectorName(service), known.slot, Date.now());
  return alarm === undefined ? [] : [alarm];
}

function withCause(text: string, service: DatabaseService, log: string): string {
  const cause = failureInLog(log, connectorName(service));
  return cause === undefined || text.includes(cause) ? text : `${text} (${cause})`;
}
