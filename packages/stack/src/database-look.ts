import { Client } from 'pg';
import { databaseUrl, type DatabaseService } from './addresses.ts';
import type { Sight } from './part.ts';
import { describeClock } from './service-look.ts';
import type { Settings } from './settings.ts';
import { messageOf } from './stack-problem.ts';

const READ_WITHIN_MS = 3_000;
/** None of ours lasts a second. */
const TRANSACTION_SECONDS_MAX = 10;
const CONNECTIONS_SHARE_MAX = 0.9;

type State = { isReadOnly: boolean; connections: number; connectionsMax: number; now: Date };
export type OpenTransaction = { pid: number; name: string; seconds: number; waiting: number; query: string };

/** Asks a service's database, as its auditor, whether it takes writes and who holds it up. Rejects when it gives no answer. */
export async function lookAtDatabase(settings: Settings, service: DatabaseService): Promise<Sight> {
  const client = new Client({
    connectionString: databaseUrl(settings, service, 'auditor'),
    connectionTimeoutMillis: READ_WITHIN_MS,
    query_timeout: READ_WITHIN_MS,
    application_name: 'stack',
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const [state] = (await client.query<State>(stateSql)).rows;
    const open = (await client.query<OpenTransaction>(openSql, [TRANSACTION_SECONDS_MAX])).rows;
    if (state === undefined) throw new Error('it tells nothing of itself');
    return judgeDatabase(service, state, open, new Date());
  } catch (error) {
    // The server answers: too many connections, not yet or no longer taking any.
    if (error instanceof Error && 'severity' in error) return { state: 'unhealthy', words: [messageOf(error)] };
    throw error;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** What a database's own figures say to an operator. */
export function judgeDatabase(
  service: DatabaseService,
  { isReadOnly, connections, connectionsMax, now }: State,
  open: readonly OpenTransaction[],
  ours: Date,
): Sight {
  const isCrowded = connections >= connectionsMax * CONNECTIONS_SHARE_MAX;
  return {
    state: isReadOnly ? 'unhealthy' : 'running',
    words: [
      ...(isReadOnly ? ['it takes no writes: it is read-only'] : []),
      ...(isCrowded ? [`${connections} of ${connectionsMax} connections are taken`] : []),
      ...open.map(
        ({ pid, name, seconds, waiting, query }) =>
          `pid ${pid} (${name}) has had a transaction open for ${seconds} s${waiting === 0 ? '' : ` and ${waiting} wait for it`}: ${query} (npm run stack -- end-session ${service} ${pid})`,
      ),
      ...describeClock(now, ours),
    ],
  };
}

// The auditor's own sessions are always read-only; what the server's file says of the others' is told by the services.
const stateSql = `
  select pg_is_in_recovery() or exists (
      select from pg_db_role_setting
      where setrole = 0 and setdatabase in (0, (select oid from pg_database where datname = current_database()))
        and 'default_transaction_read_only=on' = any(setconfig)) as "isReadOnly",
    (select count(*)::int from pg_stat_activity where backend_type = 'client backend') as connections,
    current_setting('max_connections')::int as "connectionsMax", clock_timestamp() as now`;

// Only what holds something: a transaction that has written, or locked a table.
const openSql = `
  select pid, coalesce(nullif(application_name, ''), usename) as name, extract(epoch from clock_timestamp() - xact_start)::int as seconds,
    (select count(*)::int from pg_stat_activity waiter where wait_event_type = 'Lock' and holder.pid = any(pg_blocking_pids(waiter.pid))) as waiting,
    regexp_replace(left(query, 80), '\\s+', ' ', 'g') as query
  from pg_stat_activity holder
  where backend_type = 'client backend' and pid <> pg_backend_pid() and xact_start < clock_timestamp() - make_interval(secs => $1)
    and (backend_xid is not null or exists (
      select from pg_locks where pg_locks.pid = holder.pid and granted and locktype = 'relation'
        and mode in ('ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')))
  order by xact_start limit 3`;
