import { measureWindow, readOutboxSlot, rehearseSlot, renewSlot, sayAgain } from '@sagamart/service-kit/outbox-slot';
import type { ClientBase } from 'pg';
import { databaseServices, type DatabaseService } from './addresses.ts';
import { forgetPosition, resumeConnector, stopConnector } from './connector-position.ts';
import type { Say } from './part.ts';
import { openPatientSession, type PatientSession } from './patient-session.ts';
import type { Settings } from './settings.ts';
import { messageOf, StackProblem } from './stack-problem.ts';

const SLOT = 'outbox';
/** How long whoever holds a healing up is waited for. */
export const HEAL_WAIT_SECONDS = 60;
// With the connector stopped, and with writers kept out, nothing is waited for as long as that.
const RENEW_WITHIN_MS = 10_000;
const READ_WITHIN_MS = 60_000;
const GO_ON_WITHIN_MS = 3_000;
const SAY_WITHIN_MS = 600_000;

type HealOptions = {
  readonly since?: Date | undefined;
  /** How long to wait for another healing, and for the transactions that were open before this one. */
  readonly waitMs?: number;
  readonly say: Say;
  /** Breaks the healing off: what runs is cancelled, and the connector goes on. */
  readonly signal?: AbortSignal;
};

/**
 * Sees to it that Kafka gets all that a service's outbox holds. A slot that is not sound is made anew, and all of the outbox, or what was said since a
 * moment, goes through it once more, before anything newer. With a sound slot only what was said since a moment is said again, if one is given. Can be
 * repeated, also after it was broken off: then the connector goes on and the alarm stands. Throws a StackProblem: `window_too_large`, with nothing
 * changed, when so much would be said again that the slot would be lost over it; `waited_too_long` for whoever holds it up; `broken_off`.
 */
export async function healOutbox(
  settings: Settings,
  service: DatabaseService,
  { since, waitMs = HEAL_WAIT_SECONDS * 1_000, say, signal = new AbortController().signal }: HealOptions,
): Promise<void> {
  const session = await openPatientSession(settings, service, { name: 'heal', say, signal });
  try {
    // Two at once would take each other's slot away. The lock goes with the connection.
    await session.within('healing', waitMs, (owner) => owner.query(`select pg_advisory_lock(hashtext('heal'))`));
    const { state } = await session.within('reading the slot', READ_WITHIN_MS, readOutboxSlot);
    if (state === 'sound' && since === undefined) {
      say(`${service}: nothing to heal`);
      return await resumeConnector(settings, service, { say, signal });
    }
    await session.within('measuring', READ_WITHIN_MS, (owner) => refuseLargeWindow(owner, service, since));
    // The long wait comes first, while the connector still runs and writers still write.
    await session.within('making a slot', waitMs, (owner) => rehearseSlot(owner, SLOT));
    if (state === 'sound') {
      const said = await saidAgain(session, { since });
      return say(`${service}: ${said} events are said again`);
    }
    const said = await throughNewSlot(settings, service, session, { since, say, signal });
    say(`${service}: its slot was ${state.replace('_', ' ')} and is made anew; ${said} events are said again`);
  } finally {
    await session.close();
  }
}

/** Stops the connector, replaces its slot and lets it go on, whatever becomes of it between: a shop that decides orders is healed later. */
async function throughNewSlot(
  settings: Settings,
  service: DatabaseService,
  session: PatientSession,
  { since, say, signal }: Required<Pick<HealOptions, 'say' | 'signal'>> & Pick<HealOptions, 'since'>,
): Promise<number> {
  let isRenewed = false;
  let said: number;
  try {
    await stopConnector(settings, service, { say, signal });
    await session.within('making a slot', RENEW_WITHIN_MS, (owner) => renewSlot(owner, SLOT));
    isRenewed = true;
    // Of the old slot: Debezium would not begin before it, and says so by failing.
    await forgetPosition(settings, service, { say, signal });
    said = await saidAgain(session, { since, renewedSlot: SLOT });
  } catch (error) {
    say(`${service}: the healing failed; its connector goes on`);
    await goOn(settings, service, { isRenewed, say });
    throw error;
  }
  await resumeConnector(settings, service, { say });
  return said;
}

/** Soon, for whoever ended us may not wait long: a position that could not be forgotten is for the next healing. */
async function goOn(
  settings: Settings,
  service: DatabaseService,
  { isRenewed, say }: { isRenewed: boolean; say: Say },
): Promise<void> {
  const asking = { say, withinMs: GO_ON_WITHIN_MS };
  if (isRenewed) await forgetPosition(settings, service, asking).catch(() => undefined);
  await resumeConnector(settings, service, asking).catch((error: unknown) =>
    say(`${service}: its connector could not be started again (${messageOf(error)}): npm run stack -- heal ${service}`),
  );
}

function saidAgain(
  session: PatientSession,
  options: { since: Date | undefined; renewedSlot?: string },
): Promise<number> {
  return session.within('saying again', SAY_WITHIN_MS, (owner) => sayAgain(owner, options));
}

async function refuseLargeWindow(owner: ClientBase, service: DatabaseService, since: Date | undefined): Promise<void> {
  const { logBytes, logBytesMax } = await measureWindow(owner, since);
  if (logBytesMax === null || logBytes <= logBytesMax) return;
  const inMb = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MB`;
  throw new StackProblem(
    'window_too_large',
    `${service}: to say its outbox again ${since === undefined ? '' : `since ${since.toISOString()} `}may take ${inMb(logBytes)} of log, and a slot that is behind by more than ` +
      `${inMb(logBytesMax)} (max_slot_wal_keep_size) is lost. Nothing was changed. Heal with --since a later moment that is still well before the slot was lost, ` +
      'or first raise max_slot_wal_keep_size in infra/postgres/postgresql.conf and reload the server.',
  );
}

/** Which services to heal, all unless one is named, and from when on. Throws a StackProblem for what is neither. */
export function readHealRequest(
  name: string | undefined,
  time: string | undefined,
): { services: readonly DatabaseService[]; since?: Date } {
  const services = name === undefined ? databaseServices : databaseServices.filter((service) => service === name);
  if (services.length === 0)
    throw new StackProblem('no_such_service', `Expected one of these services: ${databaseServices.join(', ')}.`);
  if (time === undefined) return { services };
  const since = new Date(time);
  if (Number.isNaN(since.getTime()))
    throw new StackProblem('bad_time', `--since is '${time}'; expected a time such as ${new Date().toISOString()}.`);
  return { services, since };
}
