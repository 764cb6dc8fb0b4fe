import { randomUUID } from 'node:crypto';
import { Client, escapeIdentifier } from 'pg';

/** What node:test hands to a test, as far as a database needs it. */
type TestScope = { after: (work: () => Promise<void>) => void };

/**
 * An empty, migrated database for one test, dropped when the test ends. The first caller of a `template` has it migrated once, the others
 * get a copy in some 30 ms. Needs TEST_POSTGRES_URL (a superuser's), which `npm test` sets.
 */
export async function freshDatabase(
  test: TestScope,
  options: { template: string; migrate: (ownerUrl: string) => Promise<unknown> },
): Promise<{ url: string }> {
  const server = process.env['TEST_POSTGRES_URL'];
  if (server === undefined || server === '') {
    throw new Error('TEST_POSTGRES_URL is not set. Run database tests as: npm test -- <file>');
  }
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await withClient(server, async (client) => {
    await ensureTemplate(client, server, options);
    await client.query(`create database ${escapeIdentifier(name)} template ${escapeIdentifier(options.template)}`);
  });
  test.after(() =>
    withClient(
      server,
      async (client) => void (await client.query(`drop database ${escapeIdentifier(name)} with (force)`)),
    ),
  );
  return { url: databaseUrl(server, name) };
}

async function ensureTemplate(
  client: Client,
  server: string,
  options: { template: string; migrate: (ownerUrl: string) => Promise<unknown> },
): Promise<void> {
  await client.query(`select pg_advisory_lock(hashtext('templates'))`);
  try {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [options.template]);
    if (rowCount !== 0) return;
    const making = `${options.template}_making`;
    await client.query(`drop database if exists ${escapeIdentifier(making)} with (force)`);
    await client.query(`create database ${escapeIdentifier(making)}`);
    await options.migrate(databaseUrl(server, making));
    await client.query(`alter database ${escapeIdentifier(making)} rename to ${escapeIdentifier(options.template)}`);
  } finally {
    await client.query(`select pg_advisory_unlock(hashtext('templates'))`);
  }
}

async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

function databaseUrl(server: string, database: string): string {
  const url = new URL(server);
  url.pathname = `/${database}`;
  return url.href;
}
