import { setTimeout as delay } from 'node:timers/promises';
import { Client, type ClientBase } from 'pg';
import { databaseUrl, type DatabaseService } from './addresses.ts';
import type { Say } from './part.ts';
import type { Settings } from './settings.ts';
import { messageOf, StackProblem } from './stack-problem.ts';
import { keepSaying } from './waiting-words.ts';

const CONNECT_WITHIN_MS = 5_000;
/** A server that froze does not keep its own limit. */
const FROZEN_AFTER_MS = 5_000;

/**
 * A session in which nothing waits without a word or without an end. Its backend notices within a second that we are gone, also in the middle of a wait:
 * what it was doing is rolled back and what it held is free.
 */
export type PatientSession = {
  /** Does some work, tells whom it waits for, and rejects with a StackProblem: `waited_too_long` at the limit, `broken_off` when the signal aborts. */
  readonly within: <T>(what: string, limitMs: number, work: (client: ClientBase) => Promise<T>) => Promise<T>;
  readonly close: () => Promise<void>;
};

export type PatientOptions = { readonly name: string; readonly say: Say; readonly signal: AbortSignal };

/** Opens one as the owner of a service's database. Others' sessions are looked up as the auditor, who may see what they do. */
export async function openPatientSession(
  settings: Settings,
  service: DatabaseService,
  { name, say, signal }: PatientOptions,
): Promise<PatientSession> {
  const owner = await connect(settings, service, 'owner', name);
  const { rows } = await owner.query<{ pid: number }>('select pg_backend_pid() as pid');
  const pid = rows[0]?.pid ?? 0;
  const onAbort = () => void cancel(settings, service, pid);

  const within: PatientSession['within'] = async (what, limitMs, work) => {
    signal.throwIfAborted();
    const over = new AbortController();
    const watcher = await connect(settings, service, 'auditor', 'stack');
    let blockers = '';
    const words = keepSaying(say, over.signal, async () => {
      blockers = await describeBlockers(watcher, pid);
      return blockers === '' ? undefined : `${service}: ${what} waits for ${blockers}`;
    });
    signal.addEventListener('abort', onAbort);
    try {
      await owner.query(`set statement_timeout = ${limitMs}`);
      return await Promise.race([work(owner), frozen(limitMs + FROZEN_AFTER_MS, over.signal)]);
    } catch (error) {
      if (signal.aborted) throw brokenOff(service, what, error);
      if (!isTooLong(error)) throw error;
      throw waitedTooLong(service, what, blockers, error);
    } finally {
      over.abort();
      signal.removeEventListener('abort', onAbort);
      await words;
      await watcher.end().catch(() => undefined);
    }
  };
  return { within, close: () => owner.end().catch(() => undefined) };
}

function brokenOff(service: DatabaseService, what: string, cause: unknown): StackProblem {
  return new StackProblem('broken_off', `${service}: ${what} was broken off.`, { cause });
}

function waitedTooLong(service: DatabaseService, what: string, blockers: string, cause: unknown): StackProblem {
  const endIt = [...new Set(blockers.match(/(?<=pid )\d+/g))].map(
    (pid) => `npm run stack -- end-session ${service} ${pid}`,
  );
  const advice = endIt.length === 0 ? '' : ` Wait until that has ended, or end it with: ${endIt.join(' · ')}`;
  const whom = blockers === '' ? '' : `; it waited for ${blockers}`;
  return new StackProblem('waited_too_long', `${service}: ${what} gave up (${messageOf(cause)})${whom}.${advice}`, {
    cause,
  });
}

async function connect(
  settings: Settings,
  service: DatabaseService,
  role: 'owner' | 'auditor',
  name: string,
): Promise<Client> {
  const client = new Client({
    connectionString: databaseUrl(settings, service, role),
    application_name: name,
    connectionTimeoutMillis: CONNECT_WITHIN_MS,
    keepAlive: true,
    // The backend asks while it waits whether we still live: a killed client would leave its locks to nobody.
    options:
      '-c client_connection_check_interval=1s -c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3',
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (error) {
    throw new StackProblem(
      'no_database',
      `${service}-db cannot be reached (${messageOf(error)}). Look at: npm run stack -- status`,
      { cause: error },
    );
  }
  return client;
}

/** The statement that is just running ends; the session stays. A server that cannot be reached has nothing that we could end. */
async function cancel(settings: Settings, service: DatabaseService, pid: number): Promise<void> {
  try {
    const client = await connect(settings, service, 'owner', 'heal');
    await client.query('select pg_cancel_backend($1)', [pid]);
    await client.end();
  } catch {
    // The session's own limit, and the server's look for a lost client, end it then.
  }
}

async function frozen(afterMs: number, signal: AbortSignal): Promise<never> {
  await delay(afterMs, undefined, { signal });
  throw new StackProblem('waited_too_long', `the server gave no answer for ${afterMs / 1_000} s`);
}

// statement timeout, or cancelled · lock timeout
function isTooLong(error: unknown): boolean {
  if (error instanceof StackProblem) return error.code === 'waited_too_long';
  return error instanceof Error && 'code' in error && (error.code === '57014' || error.code === '55P03');
}

type Blocker = { pid: number; name: string; since: Date; forSeconds: number; state: string; query: string };

/** Who holds what a backend waits for: who, since when, and how its last query begins. Empty when it waits for nobody. */
export async function describeBlockers(client: ClientBase, pid: number): Promise<string> {
  const { rows } = await client.query<Blocker>(blockersSql, [pid]);
  return rows
    .map(
      ({ pid: blocker, name, since, forSeconds, state, query }) =>
        `pid ${blocker} (${name}), whose transaction has been open since ${since.toISOString()} (${forSeconds} s, ${state}): ${query}`,
    )
    .join('; and ');
}

const blockersSql = `
  select pid, coalesce(nullif(application_name, ''), usename, backend_type) as name,
    coalesce(xact_start, query_start, backend_start) as since,
    extract(epoch from clock_timestamp() - coalesce(xact_start, query_start, backend_start))::int as "forSeconds",
    coalesce(state, 'working') as state, regexp_replace(left(query, 80), '\\s+', ' ', 'g') as query
  from pg_stat_activity where pid = any(pg_blocking_pids($1)) order by since`;
