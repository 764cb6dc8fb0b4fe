import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, escapeIdentifier } from 'pg';
import { ensureSlot } from './outbox-slot.ts';

export type Migration = {
  /** Connection string of the role that owns the database. It needs REPLICATION where a slot is asked for. */
  readonly ownerUrl: string;
  /** The service's own migrations folder; the kit's migrations are applied first. */
  readonly folder: string;
  readonly appRole?: string;
  readonly debeziumRole?: string;
  /** Created if it does not exist, before the service's first write: what is written before the slot is never published. */
  readonly replicationSlot?: string;
};

/**
 * Brings a database to the newest schema, then its privileges and its replication slot. Each file is applied once, in a transaction
 * of its own, in order of name, kit before service. Safe to run at any time and from several processes at once.
 * Throws when an applied file was changed since: migrations only go forward.
 */
export async function migrateDatabase(migration: Migration): Promise<{ applied: string[] }> {
  const client = new Client({ connectionString: migration.ownerUrl, application_name: 'migrate' });
  // pg emits the loss of a connection besides rejecting the query it broke; unheard, it would end the process.
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query(`select pg_advisory_lock(hashtext('migrate'))`);
    const applied = await applyFiles(client, [
      ...(await sqlFiles('kit', join(import.meta.dirname, '../migrations'))),
      ...(await sqlFiles('service', migration.folder)),
    ]);
    await client.query('select ensure_message_partitions()');
    if (migration.appRole !== undefined) await grantToApplication(client, migration.appRole);
    if (migration.debeziumRole !== undefined) await grantToDebezium(client, migration.debeziumRole);
    if (migration.replicationSlot !== undefined) await ensureSlot(client, migration.replicationSlot);
    return { applied };
  } finally {
    await client.end();
  }
}

type SqlFile = { name: string; sql: string; checksum: string };

async function sqlFiles(owner: 'kit' | 'service', folder: string): Promise<SqlFile[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).toSorted();
  return Promise.all(
    names.map(async (name) => {
      const sql = await readFile(join(folder, name), 'utf8');
      return { name: `${owner}/${name}`, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}

async function applyFiles(client: Client, files: readonly SqlFile[]): Promise<string[]> {
  await client.query(`create table if not exists schema_migrations (
    name text primary key, checksum text not null, applied_at timestamptz not null default now())`);
  const { rows } = await client.query<{ name: string; checksum: string }>(
    'select name, checksum from schema_migrations',
  );
  const known = new Map(rows.map((row) => [row.name, row.checksum]));
  const applied: string[] = [];
  for (const file of files) {
    const checksum = known.get(file.name);
    if (checksum === file.checksum) continue;
    if (checksum !== undefined) {
      throw new Error(
        `Migration ${file.name} was changed after it was applied. Undo the change and add a new file instead.`,
      );
    }
    await client.query('begin');
    try {
      await client.query(file.sql);
      await client.query('insert into schema_migrations (name, checksum) values ($1, $2)', [file.name, file.checksum]);
      await client.query('commit');
    } catch (error) {
      await client.query('rollback');
      throw new Error(`Migration ${file.name} failed: ${String(error)}`, { cause: error });
    }
    applied.push(file.name);
  }
  return applied;
}

async function grantToApplication(client: Client, appRole: string): Promise<void> {
  const role = escapeIdentifier(appRole);
  await client.query(`grant select, insert, update, delete on all tables in schema public to ${role}`);
  await client.query(`grant usage on all sequences in schema public to ${role}`);
  await client.query(
    `revoke insert, update, delete on schema_migrations, debezium_heartbeat, outbox_slot, detached_partitions from ${role}`,
  );
  const { rows } = await client.query<{ relname: string }>(`
    select relname from pg_class
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
      and (relispartition or obj_description(oid, 'pg_class') like 'append-only%')`);
  for (const { relname } of rows) {
    await client.query(`revoke update, delete on ${escapeIdentifier(relname)} from ${role}`);
  }
}

async function grantToDebezium(client: Client, debeziumRole: string): Promise<void> {
  const role = escapeIdentifier(debeziumRole);
  await client.query(`grant select on outbox to ${role}`);
  await client.query(`grant select, insert, update on debezium_heartbeat to ${role}`);
}
