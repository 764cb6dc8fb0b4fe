import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { newId, type EventId, type OrderId } from '@sagamart/contracts/ids';
import { createLogger } from '@sagamart/telemetry/logger';
import { eventOf, placedData, recordOf, skuOf } from '@sagamart/test-kit/event-builder';
import { freshDatabase } from '@sagamart/test-kit/fresh-database';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import { createBatchHandler } from './batch.ts';
import { createPool } from './database.ts';
import { migrateDatabase } from './migrate.ts';
import { createParkedActs } from './parked-acts.ts';
import { findParked, listParked } from './parked-store.ts';
import type { Problem } from './problem.ts';
import { UnreachablePair, type Participant } from './participant.ts';

const logger = createLogger({ service: 'test', level: 'silent' });
const signal = new AbortController().signal;
const poison = 'tok_poison';

type Heard = 'order.placed' | 'product.changed';

/** A service that writes down what it handles, in order. It cannot handle an order paid with poison until it is repaired. */
async function openService(t: TestContext) {
  const { url } = await freshDatabase(t, {
    template: 'kit',
    migrate: (ownerUrl) => migrateDatabase({ ownerUrl, folder: import.meta.dirname }),
  });
  const pool = createPool({ connectionString: url, applicationName: 'test' });
  t.after(() => pool.end());
  await pool.query('create table seen (place serial, event_id uuid primary key)');

  const service = { isRepaired: false, beforeLoad: async () => {} };
  const participant: Participant<EventId[], Heard> = {
    hears: ['order.placed', 'product.changed'],
    load: async () => {
      await service.beforeLoad();
      return [];
    },
    react: (work, event) => {
      if (event.type === 'order.placed' && event.data.paymentMethod === poison && !service.isRepaired)
        throw new UnreachablePair('broken', event.type);
      work.push(event.id);
    },
    save: async (tx, work) => {
      await tx.query('insert into seen (event_id) select unnest($1::uuid[])', [work]);
    },
  };
  const handle = createBatchHandler({ pool, participant, logger });
  const act = createParkedActs({ pool, participant, logger });
  const idOf = async (eventId: string): Promise<string> => {
    const { rows } = await pool.query<{ message_id: string }>(
      'select message_id from parked_messages where event_id = $1',
      [eventId],
    );
    return rows[0]?.message_id ?? '';
  };
  return {
    ...{ pool, service },
    hear: (...events: Parameters<typeof recordOf>[0][]) => handle(events.map(recordOf), signal),
    handle,
    idOf,
    parked: async (eventId: string) => findParked(pool, await idOf(eventId)),
    waiting: async () => (await listParked(pool, { status: 'parked', before: null, limit: 100 })).length,
    replay: async (event: { id: string }) => act({ act: 'replay', id: await idOf(event.id), operator: 'ada' }),
    discard: async (event: { id: string }, { neverSaid = false } = {}) =>
      act({ act: 'discard', id: await idOf(event.id), operator: 'ada', reason: 'a forgery', neverSaid }),
    act,
    seen: async () => {
      const { rows } = await pool.query<{ event_id: string }>('select event_id from seen order by place');
      return rows.map((row) => row.event_id);
    },
  };
}

function placed(orderId: OrderId, paymentMethod = 'tok_visa') {
  return eventOf({ type: 'order.placed', data: placedData({ orderId, paymentMethod }) });
}

function changed(version: number) {
  const data = { sku: skuOf('MUG'), name: 'Mug', description: '', priceMinor: 1, currency: 'EUR', version } as const;
  return eventOf({ type: 'product.changed', data });
}

function decided(type: 'order.confirmed' | 'order.cancelled', orderId: OrderId) {
  const { customerId, lines, totalMinor, currency } = placedData();
  const outcome = { orderId, customerId, contact: { email: null }, lines, totalMinor, currency };
  const at = '2026-01-01T00:00:00.000Z';
  return type === 'order.confirmed'
    ? eventOf({ type, data: { ...outcome, confirmedAt: at } })
    : eventOf({ type, data: { ...outcome, reason: 'timed_out', cancelledAt: at, confirmedAt: null } });
}

// Other tests have databases of their own on the same server.
const waitingSql = `select from pg_locks join pg_database on pg_database.oid = database
  where datname = current_database() and locktype = 'advisory' and not granted`;

const refused = (status: number, code: string) => (error: Problem) => error.status === status && error.code === code;

test('a replayed message and all that waits behind it are handled in order, and the key flows again', async (t) => {
  const shop = await openService(t);
  const orderId = newId<OrderId>();
  const [head, second, third] = [placed(orderId, poison), placed(orderId), placed(orderId)];
  const other = placed(newId<OrderId>());
  await shop.hear(head, second, other, third);
  assert.deepEqual(await shop.seen(), [other.id], 'other keys flow');
  const before = await shop.parked(head.id);
  assert.deepEqual([before?.attempts, before?.waitingBehind, (await shop.parked(third.id))?.attempts], [1, 2, 0]);

  shop.service.isRepaired = true;
  const settled = await shop.replay(head);
  assert.deepEqual([settled.status, settled.handledBehind, settled.next], ['replayed', 2, null]);
  const after = placed(orderId);
  await shop.hear(after);
  assert.deepEqual(await shop.seen(), [other.id, head.id, second.id, third.id, after.id]);
  const [act] = (await shop.parked(third.id))?.acts ?? [];
  assert.deepEqual([act?.operator, act?.behind, act?.outcome], ['ada', await shop.idOf(head.id), 'replayed']);
});

test('a message replayed twice is handled once', async (t) => {
  const shop = await openService(t);
  const head = placed(newId<OrderId>(), poison);
  await shop.hear(head);
  shop.service.isRepaired = true;
  const both = await Promise.all([shop.replay(head), shop.replay(head)]);
  assert.deepEqual(
    both.map(({ status }) => status),
    ['replayed', 'replayed'],
  );
  assert.equal((await shop.replay(head)).status, 'replayed');
  assert.deepEqual(await shop.seen(), [head.id]);
  assert.equal((await shop.parked(head.id))?.acts.length, 1, 'what changed nothing is no act');
});

test('a message that cannot be handled when it is replayed stays parked, tried once more, and nothing overtakes it', async (t) => {
  const shop = await openService(t);
  const orderId = newId<OrderId>();
  const [head, second] = [placed(orderId, poison), placed(orderId)];
  await shop.hear(head, second);
  const settled = await shop.replay(head);
  assert.deepEqual([settled.status, settled.handledBehind, settled.next?.id], ['parked', 0, await shop.idOf(head.id)]);
  const message = await shop.parked(head.id);
  assert.deepEqual([message?.attempts, message?.reason, message?.acts[0]?.outcome], [2, 'unreachable', 'parked']);
  assert.match(message?.acts[0]?.error ?? '', /UnreachablePair/);
  assert.deepEqual(await shop.seen(), []);
});

test('the first one behind that fails is the next in line, with what it failed of', async (t) => {
  const shop = await openService(t);
  const orderId = newId<OrderId>();
  const [head, second, third, fourth] = [
    placed(orderId, poison),
    placed(orderId),
    placed(orderId, poison),
    placed(orderId),
  ];
  await shop.hear(head, second, third, fourth);
  const settled = await shop.discard(head);
  assert.deepEqual([settled.status, settled.handledBehind], ['discarded', 1]);
  assert.deepEqual(
    [settled.next?.id, settled.next?.reason, settled.next?.attempts, settled.next?.waitingBehind],
    [await shop.idOf(third.id), 'unreachable', 1, 1],
  );
  assert.deepEqual(await shop.seen(), [second.id]);
});

test('what arrives during a replay is handled after it, and nothing of its batch is lost', async (t) => {
  const shop = await openService(t);
  const orderId = newId<OrderId>();
  const [head, behind, live, other] = [
    placed(orderId, poison),
    placed(orderId),
    placed(orderId),
    placed(newId<OrderId>()),
  ];
  await shop.hear(head, behind);
  shop.service.isRepaired = true;
  const replayIsIn = Promise.withResolvers<void>();
  const mayGoOn = Promise.withResolvers<void>();
  shop.service.beforeLoad = () => {
    replayIsIn.resolve();
    return mayGoOn.promise;
  };
  const replay = shop.replay(head);
  await replayIsIn.promise;
  const batch = shop.hear(live, other);
  const isWaiting = async () => (await shop.pool.query(waitingSql)).rowCount === 1;
  try {
    await waitUntil('the batch waits for the replay', isWaiting, 5_000);
  } finally {
    mayGoOn.resolve();
  }
  await Promise.all([replay, batch]);
  assert.deepEqual(
    (await shop.seen()).filter((id) => id !== other.id),
    [head.id, behind.id, live.id],
  );
  assert.ok((await shop.seen()).includes(other.id));
});

test('a live batch and a replay of the same key leave every message handled once and in order, whoever comes first', async (t) => {
  const shop = await openService(t);
  const orderId = newId<OrderId>();
  const events = [placed(orderId, poison), ...Array.from({ length: 30 }, () => placed(orderId))];
  const [head] = events;
  assert.ok(head !== undefined);
  await shop.hear(...events.slice(0, 10));
  shop.service.isRepaired = true;
  const live = (async () => {
    for (const event of events.slice(10)) await shop.hear(event);
  })();
  await Promise.all([shop.replay(head), live]);
  assert.deepEqual(
    await shop.seen(),
    events.map(({ id }) => id),
  );
});

test('a discarded message is kept with who, when and why, has no effect, and lets through what waits behind it', async (t) => {
  const shop = await openService(t);
  const orderId = newId<OrderId>();
  const [head, second] = [placed(orderId, poison), placed(orderId)];
  await shop.hear(head, second);
  assert.equal((await shop.discard(head)).handledBehind, 1);
  assert.deepEqual(await shop.seen(), [second.id]);
  const message = await shop.parked(head.id);
  const [act] = message?.acts ?? [];
  assert.deepEqual(
    [message?.status, act?.act, act?.operator, act?.reason],
    ['discarded', 'discard', 'ada', 'a forgery'],
  );
  assert.ok(Math.abs(Date.now() - Date.parse(act?.actedAt ?? '')) < 60_000);
  assert.equal((await shop.discard(head)).status, 'discarded', 'said again, nothing more happens');
  await assert.rejects(shop.replay(head), refused(409, 'already_discarded'));
});

test('an outcome of an order can be replayed and never discarded', async (t) => {
  const shop = await openService(t);
  for (const type of ['order.confirmed', 'order.cancelled'] as const) {
    const orderId = newId<OrderId>();
    const outcome = decided(type, orderId);
    await shop.handle([{ ...recordOf(outcome), value: '{' }], signal);
    await assert.rejects(shop.discard(outcome), refused(409, 'discard_forbidden'));
    assert.equal((await shop.parked(outcome.id))?.status, 'parked');
  }
});

test('an outcome that the order service never said is discarded, and why that was allowed is kept', async (t) => {
  const shop = await openService(t);
  const outcome = decided('order.cancelled', newId<OrderId>());
  await shop.handle([{ ...recordOf(outcome), value: '{' }], signal);
  assert.equal((await shop.discard(outcome, { neverSaid: true })).status, 'discarded');
  const [act] = (await shop.parked(outcome.id))?.acts ?? [];
  assert.equal(act?.reason, 'a forgery (the order service never said it)');
});

test('a product change is discarded only when a later one waits behind it, which then has its effect', async (t) => {
  const shop = await openService(t);
  const [broken, later] = [changed(1), changed(2)];
  await shop.handle([{ ...recordOf(broken), value: '{}' }], signal);
  await assert.rejects(shop.discard(broken), refused(409, 'discard_loses_data'));
  await shop.hear(later);
  assert.equal((await shop.discard(broken)).handledBehind, 1);
  assert.deepEqual(await shop.seen(), [later.id]);
});

test('only the first of a queue is acted on, and only what there is', async (t) => {
  const shop = await openService(t);
  const orderId = newId<OrderId>();
  const [head, second] = [placed(orderId, poison), placed(orderId)];
  await shop.hear(head, second);
  await assert.rejects(shop.replay(second), refused(409, 'not_first_in_line'));
  await assert.rejects(shop.discard(second), refused(409, 'not_first_in_line'));
  await assert.rejects(shop.act({ act: 'replay', id: newId<EventId>(), operator: 'ada' }), refused(404, 'not_found'));
  assert.equal(await shop.waiting(), 2);
});

test('a message parked longer ago than the inbox remembers can still be replayed', async (t) => {
  const shop = await openService(t);
  const head = placed(newId<OrderId>(), poison);
  await shop.hear(head);
  shop.service.isRepaired = true;
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 20 * 86_400_000 });
  assert.equal((await shop.replay(head)).status, 'replayed');
});

test('a replay that loses a race is tried again, and parks nothing', async (t) => {
  const shop = await openService(t);
  const head = placed(newId<OrderId>(), poison);
  await shop.hear(head);
  shop.service.isRepaired = true;
  let losses = 0;
  shop.service.beforeLoad = () =>
    losses++ < 3 ? Promise.reject(Object.assign(new Error('deadlock'), { code: '40P01' })) : Promise.resolve();
  assert.equal((await shop.replay(head)).status, 'replayed');
  assert.equal((await shop.parked(head.id))?.attempts, 1);
});
