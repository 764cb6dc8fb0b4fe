import { databaseServices, databaseUrl, type DatabaseService } from './addresses.ts';
import { Client } from 'pg';
import { asSuperuser } from './postgres.ts';
import type { Settings } from './settings.ts';
import { messageOf, StackProblem } from './stack-problem.ts';

const CONNECT_WITHIN_MS = 5_000;
const STATEMENT_WITHIN_MS = 30_000;
const ENDS_WITHIN_MS = 5_000;
const ROWS_MAX = 200;

/** The service a database belongs to. Throws a StackProblem for any other word. */
export function databaseOf(name: string | undefined): DatabaseService {
  const known = databaseServices.find((service) => service === name);
  if (known === undefined)
    throw new StackProblem('no_such_service', `Expected one of these services: ${databaseServices.join(', ')}.`);
  return known;
}

/** The rows of a statement, read as the auditor, who may see everything and change nothing; at most 200 of them, within 30 s. */
export async function readRows(
  settings: Settings,
  service: DatabaseService,
  statement: string | undefined,
): Promise<Record<string, unknown>[]> {
  if (statement === undefined)
    throw new StackProblem('no_statement', `Expected a statement, as in: sql ${service} "select now()".`);
  return asRole(settings, service, 'auditor', async (client) => {
    try {
      const { rows } = await client.query<Record<string, unknown>>(statement);
      return rows.slice(0, ROWS_MAX);
    } catch (error) {
      throw new StackProblem('refused', `${service}-db refuses: ${messageOf(error)}`, { cause: error });
    }
  });
}

/** Ends a session of a service's database: its transaction is rolled back and its locks are free. Tells whose it was. */
export async function endSession(
  settings: Settings,
  service: DatabaseService,
  word: string | undefined,
): Promise<string> {
  const pid = Number(word);
  if (!Number.isInteger(pid) || pid <= 0)
    throw new StackProblem('bad_pid', `Expected the pid of a session, as in: end-session ${service} 4711.`);
  const [session] = await readRows(
    settings,
    service,
    `select coalesce(nullif(application_name, ''), usename) as name, left(query, 80) as query from pg_stat_activity where pid = ${pid} and backend_type = 'client backend'`,
  );
  if (session === undefined) throw new StackProblem('no_such_session', `${service}-db has no session with pid ${pid}.`);
  const end = async (client: Client) =>
    (await client.query<{ ended: boolean }>('select pg_terminate_backend($1, $2) as ended', [pid, ENDS_WITHIN_MS]))
      .rows[0]?.ended;
  // In containers the superuser's password stays with the server; its owner can end everybody's sessions but a superuser's.
  const ended = await (
    settings.values.POSTGRES_SUPERUSER_PASSWORD === undefined
      ? asRole(settings, service, 'owner', end)
      : asSuperuser(settings, service, end)
  ).catch((error: unknown) => {
    throw new StackProblem('refused', `${service}-db does not end ${pid}: ${messageOf(error)}`, { cause: error });
  });
  if (ended !== true)
    throw new StackProblem(
      'not_ended',
      `${pid} was told to end and still runs after ${ENDS_WITHIN_MS / 1_000} s. Try again, or: npm run stack -- restart ${service}-db`,
    );
  return `${service}: ended ${pid} (${String(session.name)}: ${String(session.query)})`;
}

async function asRole<Result>(
  settings: Settings,
  service: DatabaseService,
  role: 'owner' | 'auditor',
  work: (client: Client) => Promise<Result>,
): Promise<Result> {
  const client = new Client({
    connectionString: databaseUrl(settings, service, role),
    application_name: 'stack',
    connectionTimeoutMillis: CONNECT_WITHIN_MS,
    statement_timeout: STATEMENT_WITHIN_MS,
    query_timeout: STATEMENT_WITHIN_MS,
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
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
