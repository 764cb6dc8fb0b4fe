import { measureWindow, readOutboxSlot, renewSlot, sayAgain } from '@sagamart/service-kit/outbox-slot';
import { Client } from 'pg';
import { databaseServices, databaseUrl, type DatabaseService } from './addresses.ts';
import { forgetPosition, resumeConnector, stopConnector } from './connector-position.ts';
import type { Say } from './part.ts';
import type { Settings } from './settings.ts';
import { StackProblem } from './stack-problem.ts';

const SLOT = 'outbox';

/**
 * Sees to it that Kafka gets all that a service's outbox holds. A slot that is not sound is made anew, and all of the outbox, or what was said since a
 * moment, goes through it once more, before anything newer. With a sound slot only what was said since a moment is said again, if one is given. Can be
 * repeated, also after it was broken off; until it has succeeded the connector stays stopped and the alarm stands. Throws a StackProblem, and changes
 * nothing, when so much would be said again that the slot would be lost over it.
 */
export async function healOutbox(
  settings: Settings,
  service: DatabaseService,
  { since, say }: { since?: Date | undefined; say: Say },
): Promise<void> {
  const owner = new Client({ connectionString: databaseUrl(settings, service, 'owner'), application_name: 'heal' });
  owner.on('error', () => undefined);
  await owner.connect();
  try {
    // Two at once would take each other's slot away. The lock goes with the connection.
    await owner.query(`select pg_advisory_lock(hashtext('heal'))`);
    const { state } = await readOutboxSlot(owner);
    if (state !== 'sound' || since !== undefined) await refuseLargeWindow(owner, service, since);
    if (state !== 'sound') {
      await stopConnector(settings, service);
      await renewSlot(owner, SLOT);
      // Of the old slot: Debezium would not begin before it, and says so by failing.
      await forgetPosition(settings, service);
      const said = await sayAgain(owner, { since, renewedSlot: SLOT });
      say(`${service}: its slot was ${state.replace('_', ' ')} and is made anew; ${said} events are said again`);
    } else if (since !== undefined) {
      say(`${service}: ${await sayAgain(owner, { since })} events are said again`);
    } else say(`${service}: nothing to heal`);
    await resumeConnector(settings, service);
  } finally {
    await owner.end();
  }
}

async function refuseLargeWindow(owner: Client, service: DatabaseService, since: Date | undefined): Promise<void> {
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
