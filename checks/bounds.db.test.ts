import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import * as fc from 'fast-check';
import { subscriptions } from '../packages/auditor/src/saga-map.ts';
import { textLengthMax } from '../packages/contracts/src/bounds.ts';
import { parseRecord, type ShopEvent } from '../packages/contracts/src/cloud-event.ts';
import { eventTypes, type EventType } from '../packages/contracts/src/events.ts';
import { newId, type CustomerId, type EventId, type OrderId } from '../packages/contracts/src/ids.ts';
import { serviceNames, type ServiceName } from '../packages/contracts/src/topics.ts';
import { createBatchHandler } from '../packages/service-kit/src/batch.ts';
import { createPool } from '../packages/service-kit/src/database.ts';
import { inTransaction } from '../packages/service-kit/src/transaction.ts';
import { migrateDatabase } from '../packages/service-kit/src/migrate.ts';
import type { ConsumedRecord } from '../packages/service-kit/src/parked.ts';
import type { Caller } from '../packages/service-kit/src/token.ts';
import { createLogger } from '../packages/telemetry/src/logger.ts';
import { eventOf, recordOf, skuOf } from '../packages/test-kit/src/event-builder.ts';
import { freshDatabase } from '../packages/test-kit/src/fresh-database.ts';
import { createParticipant as createInventory } from '../services/inventory/src/messages.ts';
import { createDelivery } from '../services/notification/src/delivery.ts';
import { createParticipant as createNotification } from '../services/notification/src/messages.ts';
import { buildApp as buildOrderApp } from '../services/order/src/app.ts';
import { timeOutOrders } from '../services/order/src/cancellation.ts';
import { createParticipant as createOrder } from '../services/order/src/messages.ts';
import { createParticipant as createPayment } from '../services/payment/src/messages.ts';
import type { ProviderReply } from '../services/payment/src/payment.ts';
import { claimDueCalls } from '../services/payment/src/payment-store.ts';
import { createReplyRecorder } from '../services/payment/src/provider-replies.ts';
import { extremeEvents } from './extreme-events.ts';

/** The most a broker takes with its default message.max.bytes, less what the batch around a record takes. */
const recordBytesMax = 1_048_000;
const runs = 30;

const logger = createLogger({ service: 'test', level: 'silent' });
const signal = new AbortController().signal;
const clock = { now: () => new Date(), newEventId: newId<EventId> };
const committed = () => undefined;
const sku = skuOf('MUG');

const types = Object.keys(eventTypes) as EventType[];
const outcomes = ['nothing', 'cancelled', 'timed out'] as const;

test(
  'whatever comes in, what goes out can be published and is read by all who handle it',
  { timeout: 240_000 },
  async (t) => {
    const shop = await openShop(t);
    const long = 'r'.repeat(textLengthMax.declineReason);
    const said = new Set<string>();
    const drawn = fc.record({
      seeds: fc.array(fc.nat({ max: 2 ** 31 - 1 }), { minLength: 1, maxLength: 10 }),
      outcome: fc.constantFrom(...outcomes),
      captures: fc.boolean(),
      emailLength: fc.constantFrom(1, 190),
    });
    await fc.assert(
      fc.asyncProperty(drawn, async ({ seeds, outcome, captures, emailLength }) => {
        const answer = (orderId: OrderId): ProviderReply =>
          captures
            ? { outcome: 'captured', captureId: orderId.padEnd(textLengthMax.captureId, 'c') }
            : { outcome: 'declined', declineReason: long };
        const orderId = await shop.place(`a@${'b'.repeat(emailLength)}`);
        const forged = extremeEvents(types, { orderId: [orderId, newId<OrderId>()], sku: [sku] });
        for (const seed of seeds) await shop.hear(fc.sample(forged, { numRuns: 1, seed }));
        for (const event of await shop.flow(answer)) said.add(event);
        if (outcome === 'cancelled') await shop.cancel(orderId);
        if (outcome === 'timed out') await shop.timeOut(orderId);
        for (const event of await shop.flow(answer)) said.add(event);
        assert.deepEqual(await shop.refusals(), []);
      }),
      // SEED asks for others.
      { numRuns: runs, seed: Number(process.env['SEED'] ?? 1) },
    );
    assert.deepEqual(
      types.filter((type) => !said.has(type)),
      ['product.changed'],
      'every other event was said',
    );
  },
);

/** The four services on databases of their own. What one says is carried to the others by hand, as the connector and Kafka would. */
async function openShop(t: TestContext) {
  const pools = Object.fromEntries(
    await Promise.all(serviceNames.map(async (service) => [service, await openDatabase(t, service)] as const)),
  ) as Record<ServiceName, Pool>;
  const participants = {
    order: createOrder(clock),
    inventory: createInventory(clock),
    payment: createPayment(clock, committed),
    notification: createNotification({ clock, committed }),
  };
  const handlers = Object.fromEntries(
    serviceNames.map((service) => [
      service,
      createBatchHandler({ pool: pools[service], participant: participants[service] as never, logger }),
    ]),
  ) as Record<ServiceName, ReturnType<typeof createBatchHandler>>;
  const replies = createReplyRecorder({ pool: pools.payment, clock, togetherMax: 1 });
  const mailer = { send: async () => undefined, close: () => undefined };
  const deliver = createDelivery({ pool: pools.notification, mailer, clock, logger });
  const caller: Caller = { kind: 'customer', customerId: newId<CustomerId>(), email: null };
  const app = buildOrderApp({
    ...{
      pool: pools.order,
      clock,
      logger,
      readiness: [],
      alarms: [],
      checkoutDeadlineMs: 60_000,
      cancelWindowMs: 900_000,
    },
    verifier: { verify: async () => caller },
  });
  t.after(() => app.close());
  await pools.inventory.query(
    `insert into products values ('MUG', 'Mug', '', 1490, 'EUR', 1, 1); insert into stock (sku, on_hand) values ('MUG', 150)`,
  );
  const name = '\u0001'.repeat(textLengthMax.name);
  const product = { sku, version: 1, name, description: '', priceMinor: 100_000_000, currency: 'EUR' } as const;
  await handlers.order([recordOf(eventOf({ type: 'product.changed', data: product }))], signal);

  const carried = new Set<string>();
  const hear = async (records: readonly ConsumedRecord[]): Promise<void> => {
    for (const record of records)
      for (const service of serviceNames)
        if (subscriptions[service].some((topic) => topic === record.topic)) await handlers[service]([record], signal);
  };

  return {
    hear: (events: readonly ShopEvent[]) => hear(events.map(recordOf)),
    place: async (email: string): Promise<OrderId> => {
      const lines = Array.from({ length: 10 }, () => ({ sku, quantity: 1 }));
      const headers = { authorization: 'x', 'idempotency-key': newId<EventId>() };
      const reply = await app.inject({
        method: 'POST',
        url: '/orders',
        headers,
        payload: { lines, email, paymentMethod: 'tok_visa' },
      });
      assert.equal(reply.statusCode, 202, reply.body);
      return reply.json<{ orderId: OrderId }>().orderId;
    },
    cancel: (orderId: OrderId) =>
      app.inject({ method: 'POST', url: `/orders/${orderId}/cancel`, headers: { authorization: 'x' } }),
    timeOut: (orderId: OrderId) => inTransaction(pools.order, (tx) => timeOutOrders(tx, [orderId], clock)),
    /** Carries what was said, has the provider and the mail server answer, until nobody says anything more. Resolves with the types said. */
    flow: async (answer: (orderId: OrderId) => ProviderReply): Promise<string[]> => {
      const typesSaid: string[] = [];
      for (;;) {
        const records = (await Promise.all(serviceNames.map((service) => readOutbox(pools[service])))).flat();
        const fresh = records.filter(({ headers }) => !carried.has(headers['ce_id'] ?? ''));
        const due = await claimDueCalls(pools.payment, { limit: 10, leaseMs: 60_000 });
        if (fresh.length === 0 && due.length === 0 && !(await deliver())) return typesSaid;
        for (const record of fresh) {
          carried.add(record.headers['ce_id'] ?? '');
          typesSaid.push(record.headers['ce_type'] ?? '');
          assert.equal(describe(parseRecord(record)), 'known');
          assert.ok(bytesOf(record) < recordBytesMax, `${record.headers['ce_type']} takes ${bytesOf(record)} bytes`);
        }
        await hear(fresh);
        for (const call of due) {
          const { orderId, payment } = call;
          const refundId = orderId.padEnd(textLengthMax.refundId, 'r');
          const reply: ProviderReply =
            payment.status === 'refunding' ? { outcome: 'refunded', refundId } : answer(orderId);
          await replies.load({ due: call, reply, foundAfter: null });
        }
      }
    },
    /** What was parked for another reason than that the saga knows no such thing, or that it waits for such a one. */
    refusals: async (): Promise<unknown[]> =>
      (
        await Promise.all(
          serviceNames.map(async (service) => {
            const { rows } = await pools[service].query<object>(
              `select type, reason, error from parked_messages where reason not in ('unreachable', 'behind_parked')`,
            );
            return rows.map((row) => ({ service, ...row }));
          }),
        )
      ).flat(),
  };
}

type Pool = ReturnType<typeof createPool>;

async function openDatabase(t: TestContext, service: string): Promise<Pool> {
  const folder = join(import.meta.dirname, `../services/${service}/migrations`);
  const { url } = await freshDatabase(t, {
    template: service,
    migrate: (ownerUrl) => migrateDatabase({ ownerUrl, folder }),
  });
  const pool = createPool({ connectionString: url, applicationName: 'test' });
  t.after(() => pool.end());
  return pool;
}

let nextOffset = 1_000_000;

/** The outbox as the connector makes records of it: the columns of infra/debezium/outbox-connector.json. */
async function readOutbox(pool: Pool): Promise<ConsumedRecord[]> {
  const { rows } = await pool.query<{
    topic: string;
    key: string;
    value: string;
    headers: Record<string, string | null>;
  }>(`
    select topic, partition_key as key, data::text as value, json_build_object('ce_id', event_id, 'ce_type', type, 'ce_source', source,
      'ce_subject', subject, 'ce_time', time, 'ce_specversion', spec_version, 'ce_dataschema', data_schema, 'ce_causationid', causation_id,
      'ce_correlationid', correlation_id, 'ce_aggregateversion', aggregate_version::text, 'ce_lamport', lamport::text,
      'traceparent', traceparent, 'content-type', content_type) as headers
    from outbox order by aggregate_version`);
  return rows.map(({ topic, key, value, headers }) => ({
    ...{ topic, key, value, partition: 0, offset: String(nextOffset++), bytes: Buffer.from(value) },
    headers: Object.fromEntries(Object.entries(headers).map(([header, text]) => [header, text ?? undefined])),
  }));
}

function bytesOf({ key, value, headers }: ConsumedRecord): number {
  return Buffer.byteLength(JSON.stringify({ key, headers })) + Buffer.byteLength(value ?? '');
}

function describe(parsed: ReturnType<typeof parseRecord>): string {
  return parsed.kind === 'refused' ? parsed.detail : parsed.kind;
}
