import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { newId } from '@sagamart/contracts/ids';
import { freshDatabase } from '@sagamart/test-kit/fresh-database';
import { Client, type ClientBase } from 'pg';
import { migrateDatabase } from './migrate.ts';

/** A migrated database with a slot of its own, for one test, seen as its owner. */
export type SlottedOutbox = {
  readonly url: string;
  readonly slot: string;
  readonly owner: Client;
  /** One more connection to the same database. */
  readonly connect: () => Promise<Client>;
  readonly migrate: () => Promise<unknown>;
  /** Has something that uses the database closed before that is dropped. */
  readonly closeWith: (close: () => Promise<unknown>) => void;
  /** The ids that come out of the slot, in the order in which they do; what came out is confirmed. */
  readonly publish: () => Promise<string[]>;
};

/** Makes one; it is gone, with its slot and connections, when the test ends. */
export async function slottedOutbox(t: TestContext): Promise<SlottedOutbox> {
  // node:test runs these in the order of their registration: a database with connections or a slot cannot be dropped.
  const clients: Client[] = [];
  const closing: (() => Promise<unknown>)[] = [];
  const slot = `slot_${randomUUID().replaceAll('-', '')}`;
  const dropSlotSql = 'select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = $1';
  t.after(async () => {
    await clients[0]?.query(dropSlotSql, [slot]);
    await Promise.all([...clients.map((client) => client.end()), ...closing.map((close) => close())]);
  });
  const { url } = await freshDatabase(t, { template: 'empty', migrate: async () => undefined });
  const folder = await mkdtemp(join(tmpdir(), 'migrations-'));
  t.after(() => rm(folder, { recursive: true }));
  const connect = async () => {
    const client = new Client({ connectionString: url });
    clients.push(client);
    await client.connect();
    return client;
  };
  const migrate = () => migrateDatabase({ ownerUrl: url, folder, replicationSlot: slot });
  await migrate();
  const owner = await connect();
  const publish = async () => {
    const { rows } = await owner.query<{ data: Buffer }>(
      `select data from pg_logical_slot_get_binary_changes($1, null, null, 'proto_version', '1', 'publication_names', 'outbox')
       where get_byte(data, 0) = ascii('I')`,
      [slot],
    );
    // The first column of a row is its id.
    return rows.map(({ data }) => /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(data.toString('latin1'))?.[0] ?? '');
  };
  return { url, slot, owner, connect, migrate, publish, closeWith: (close) => void closing.push(close) };
}

/** Writes one event to the outbox and returns its id. */
export async function say(client: ClientBase, key: string, version: number): Promise<string> {
  const id = newId();
  await client.query(
    `insert into outbox (event_id, topic, partition_key, type, source, subject, time, data_schema, correlation_id, aggregate_version, lamport, data)
     values ($1, 'order.events', $2, 't', '/s', $2, 'now', 'd', 'c', $3, $3, '{ "is":  "as it was written" }')`,
    [id, key, version],
  );
  return id;
}
