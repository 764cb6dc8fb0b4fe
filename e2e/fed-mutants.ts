import assert from 'node:assert/strict';
import { subscriptions } from '@sagamart/auditor/saga-map';
import { startLoad } from '@sagamart/bench/load';
import { isUuidv7 } from '@sagamart/contracts/ids';
import { serviceNames, type ServiceName } from '@sagamart/contracts/topics';
import { packWithEveryCodec } from '@sagamart/test-kit/record-packing';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import { Kafka, logLevel } from 'kafkajs';
import { Client, Pool } from 'pg';
import { openRandom } from './long/seeded-random.ts';
import { openMutants, type Lot, type Mutant } from './mutants.ts';
import { ownerUrl } from './owner-url.ts';
import { readConsumers } from './poisoned-orders.ts';
import { readPublished } from './published-messages.ts';
import type { ShopUnderTest } from './shop-under-test.ts';

/** A mutant where it was put. */
type Fed = Mutant & { readonly topic: string; readonly partition: number; readonly offset: number };

const sendsAtOnce = 8;
const ordersPerSecond = 4;
const genuineMax = 2_000;
const listedWithinMs = 60_000;
const shownMax = 5;
const rowsAskedMax = 500;

/**
 * Feeds so many mutants to all topics of a shop at which orders are placed meanwhile. Resolves when each of them is listed as parked by every service that reads
 * its topic, or is a repetition; every order is confirmed, no process and no consumer is another than before; and what was parked is settled: one of each
 * kind by an operator, the rest as its owner does. The seed comes from SEED, and is returned.
 */
export async function feedMutants(
  entered: ShopUnderTest,
  { atLeast }: { atLeast: number },
): Promise<{ seed: number; fed: number }> {
  const { shop, client } = entered;
  const random = openRandom(process.env.SEED ?? '1');
  const before = await readConsumers(shop);
  const published = await readPublished(shop.kafkaBrokers);
  const finished = await finishedIds(entered);
  const genuine = random
    .shuffled(published.filter(({ headers }) => finished.has(headers['ce_id'] ?? '')))
    .slice(0, genuineMax);
  const { drawLot } = openMutants(random, genuine);
  const { over, stop } = await startLoad(shop, { kind: 'steady', ratePerSecond: ordersPerSecond, seconds: 3_600 });
  const fed: Fed[] = [];
  try {
    await feed(shop.kafkaBrokers, drawUntil(atLeast, drawLot), fed);
    for (const service of serviceNames) await waitUntilListed(entered, service, fed);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`seed ${random.seed}: ${why}`, { cause: error });
  } finally {
    stop();
    client.accepted.push(...(await over).accepted.map(({ orderId }) => orderId));
  }
  const { accepted, refusals } = await over;
  assert.deepEqual([...refusals], [], `seed ${random.seed}: an order was refused meanwhile`);
  await assertConfirmed(
    entered,
    accepted.map(({ orderId }) => orderId),
  );
  assert.deepEqual(await readConsumers(shop), before, 'no service and no member of a group was restarted');
  for (const service of serviceNames) await settle(entered, service, fed);
  return { seed: random.seed, fed: fed.length };
}

/** So that the same seed draws the same lots, however fast they are sent. */
function drawUntil(atLeast: number, drawLot: () => Lot): () => Lot | undefined {
  let drawn = 0;
  return () => {
    if (drawn >= atLeast) return undefined;
    const lot = drawLot();
    drawn += lot.mutants.length;
    return lot;
  };
}

async function feed(brokers: readonly string[], draw: () => Lot | undefined, fed: Fed[]): Promise<void> {
  packWithEveryCodec();
  const kafka = new Kafka({ clientId: 'e2e', brokers: [...brokers], logLevel: logLevel.NOTHING });
  const producer = kafka.producer({ allowAutoTopicCreation: false });
  await producer.connect();
  const sendSome = async (): Promise<void> => {
    for (let lot = draw(); lot !== undefined; lot = draw()) {
      const { topic, partition, codec, mutants } = lot;
      const messages = mutants.map(({ key, value, headers }) => ({ key, value, headers, partition }));
      const [placed] = await producer.send({ topic, compression: codec, messages });
      const first = Number(placed?.baseOffset);
      fed.push(...mutants.map((mutant, index) => ({ ...mutant, topic, partition, offset: first + index })));
    }
  };
  try {
    await Promise.all(Array.from({ length: sendsAtOnce }, sendSome));
  } finally {
    await producer.disconnect();
  }
}

/** The events that services said themselves, of orders that are decided and of products. */
async function finishedIds({ shop }: ShopUnderTest): Promise<Set<string>> {
  const pending = await readColumn(
    shop.auditorUrls.order,
    `select order_id::text from orders where status = 'pending'`,
  );
  const said = await Promise.all(
    serviceNames.map((service) =>
      readColumn(shop.auditorUrls[service], 'select event_id::text from outbox where not partition_key = any($1)', [
        pending,
      ]),
    ),
  );
  return new Set(said.flat());
}

async function readColumn(connectionString: string, sql: string, values: unknown[] = []): Promise<string[]> {
  const database = new Client({ connectionString });
  await database.connect();
  try {
    return (await database.query<[string]>({ text: sql, values, rowMode: 'array' })).rows.map(([value]) => value);
  } finally {
    await database.end();
  }
}

async function waitUntilListed({ shop }: ShopUnderTest, service: ServiceName, fed: readonly Fed[]): Promise<void> {
  const topics: readonly string[] = subscriptions[service];
  const heard = fed.filter(({ topic }) => topics.includes(topic));
  const timesOfId = Map.groupBy(heard, ({ id }) => id);
  const database = new Pool({ connectionString: shop.auditorUrls[service], max: 1 });
  const unlisted = [...heard];
  // The last that were fed first: a shop that still works through the others is not asked about them all the time.
  const look = async (): Promise<boolean> => {
    const asked = unlisted.splice(-rowsAskedMax);
    const places = await parkedPlaces(database, asked);
    const repeated = asked.filter(
      ({ id, isCopied }) => isUuidv7(id) && (isCopied || (timesOfId.get(id)?.length ?? 0) > 1),
    );
    const known = await idsInInbox(
      database,
      repeated.map(({ id }) => id),
    );
    const isListed = (mutant: Fed): boolean =>
      places.has(placeOf(mutant)) || (repeated.includes(mutant) && known.has(mutant.id));
    unlisted.push(...asked.filter((mutant) => !isListed(mutant)));
    return unlisted.length === 0;
  };
  try {
    await waitUntil(`all that ${service} was fed is listed`, look, listedWithinMs + heard.length);
  } catch (error) {
    const some = unlisted.slice(0, shownMax).map((mutant) => `${placeOf(mutant)} ${mutant.id} ${mutant.story}`);
    throw new Error(`${unlisted.length} are not listed by ${service}:\n${some.join('\n')}`, {
      cause: error,
    });
  } finally {
    await database.end();
  }
}

/** Places at which the service has parked something, as far as they are asked for. */
async function parkedPlaces(database: Pool, asked: readonly Fed[]): Promise<Set<string>> {
  const { rows } = await database.query<{ topic: string; partition: number; offset: string }>(
    `select topic, kafka_partition as partition, kafka_offset as offset from parked_messages
     join json_to_recordset($1) as asked (topic text, kafka_partition integer, kafka_offset bigint) using (topic, kafka_partition, kafka_offset)`,
    [JSON.stringify(asked.map(toRow))],
  );
  return new Set(rows.map((row) => placeOf({ ...row, offset: Number(row.offset) })));
}

async function idsInInbox(database: Pool, ids: readonly string[]): Promise<Set<string>> {
  const { rows } = await database.query<{ id: string }>(
    'select event_id::text as id from inbox where event_id = any($1::uuid[])',
    [ids],
  );
  return new Set(rows.map(({ id }) => id));
}

async function assertConfirmed({ shop }: ShopUnderTest, orderIds: readonly string[]): Promise<void> {
  const readStates = () =>
    readColumn(shop.auditorUrls.order, 'select distinct status from orders where order_id = any($1)', [orderIds]);
  const areDecided = async () => !(await readStates()).includes('pending');
  await waitUntil('every order is decided', areDecided, listedWithinMs);
  assert.deepEqual(await readStates(), ['confirmed']);
}

/** Discards one of each kind as an operator would, for each must have a way out; then all the others at once, as the database's owner. */
async function settle({ client, shop }: ShopUnderTest, service: ServiceName, fed: readonly Fed[]): Promise<void> {
  const owner = new Client(ownerUrl(shop, service));
  await owner.connect();
  try {
    const ours = fed.map(toRow);
    await owner.query('create temporary table fed (topic text, kafka_partition integer, kafka_offset bigint)');
    await owner.query(
      'insert into fed select * from json_to_recordset($1) as fed (topic text, kafka_partition integer, kafka_offset bigint)',
      [JSON.stringify(ours)],
    );
    const { rows } = await owner.query<{ id: string; reason: string; type: string }>(`
      select distinct on (reason, left(type, 12)) message_id as id, reason, type from parked_messages as message join fed using (topic, kafka_partition, kafka_offset)
      where status = 'parked' and not exists (select from parked_messages as earlier where earlier.status = 'parked' and earlier.topic = message.topic
        and earlier.partition_key = message.partition_key and earlier.parked_id < message.parked_id)`);
    const token = await client.operatorToken();
    for (const { id, reason, type } of rows) {
      const body = { reason: 'a mutant of a test' };
      const { status, text } = await client.call('POST', `/v1/parked-messages/${id}/discard`, { token, body });
      assert.equal(status, 200, `${service} ${reason} ${type}: ${text}`);
    }
    await owner.query(`update parked_messages set status = 'discarded' from fed where status = 'parked' and fed.topic = parked_messages.topic
      and fed.kafka_partition = parked_messages.kafka_partition and fed.kafka_offset = parked_messages.kafka_offset`);
  } finally {
    await owner.end();
  }
}

function toRow({ topic, partition, offset }: Fed) {
  return { topic, kafka_partition: partition, kafka_offset: offset };
}

function placeOf({ topic, partition, offset }: Pick<Fed, 'topic' | 'partition' | 'offset'>): string {
  return `${topic}/${partition}/${offset}`;
}
