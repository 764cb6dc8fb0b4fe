import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newId, type EventId, type OrderId } from '@sagamart/contracts/ids';
import { createLogger } from '@sagamart/telemetry/logger';
import { eventOf, recordOf } from '@sagamart/test-kit/event-builder';
import { createBatchHandler, type Outcome } from './batch.ts';
import { count, counting, openDatabase, parked, placed } from './batch-fixture.ts';
import { createEvidence } from './evidence.ts';
import { UnreachablePair } from './participant.ts';

const logger = createLogger({ service: 'test', level: 'silent' });
const signal = new AbortController().signal;
// Eight seconds of waiting for something to compare pass in half of one.
const hasty = () => createEvidence(() => performance.now() * 16);

test('an event has its effect once, however often it arrives', async (t) => {
  const { pool } = await openDatabase(t);
  const handle = createBatchHandler({ pool, participant: counting(), logger });
  const record = recordOf(placed());
  assert.deepEqual(await handle([record, record, recordOf(placed())], signal), ['handled', 'duplicate', 'handled']);
  assert.deepEqual(await handle([record], signal), ['duplicate']);
  assert.equal(await count(pool, 'seen'), 2);
  assert.equal(await count(pool, 'inbox'), 2);
  assert.equal(await count(pool, 'outbox'), 2);
});

test('two consumers with the same batch do the work once between them', async (t) => {
  const { pool } = await openDatabase(t);
  const records = Array.from({ length: 50 }, () => recordOf(placed()));
  const handlers = [1, 2].map(() => createBatchHandler({ pool, participant: counting(), logger }));
  const results = await Promise.all(
    handlers.map((handle, index) => handle(index === 0 ? records : records.toReversed(), signal)),
  );
  assert.equal(results.flat().filter((outcome) => outcome === 'handled').length, 50);
  assert.equal(await count(pool, 'seen'), 50);
});

test('what nobody acts on is recorded and changes nothing', async (t) => {
  const { pool } = await openDatabase(t);
  const handle = createBatchHandler({ pool, participant: counting(), logger });
  const voided = eventOf({ type: 'payment.voided', data: { orderId: newId<OrderId>() } });
  const foreign = recordOf(voided);
  foreign.headers['ce_type'] = 'payment.of-the-future';
  const records = [recordOf(eventOf({ ...voided, id: newId<EventId>() })), foreign];
  assert.deepEqual(await handle(records, signal), ['ignored', 'ignored']);
  assert.equal(await count(pool, 'inbox'), 2);
  assert.equal(await count(pool, 'seen'), 0);
});

test('what became of a record is told once it is committed, also of one whose batch was tried in vain', async (t) => {
  const { pool } = await openDatabase(t);
  const told: [string, Outcome][] = [];
  const broken = newId<OrderId>();
  const handle = createBatchHandler({
    pool,
    participant: counting((orderId) => {
      if (orderId === broken) throw new TypeError('x is not a function');
    }),
    logger,
    evidence: hasty(),
    observe: ({ headers }, outcome) => void told.push([headers['ce_id'] ?? '', outcome]),
  });
  const [good, poison, voided] = [
    placed(),
    placed(broken),
    eventOf({ type: 'payment.voided', data: { orderId: broken } }),
  ];
  await handle([good, poison, good, voided].map(recordOf), signal);
  const expected = [
    [good.id, 'handled'],
    [poison.id, 'parked'],
    [good.id, 'duplicate'],
    [voided.id, 'ignored'],
  ];
  assert.deepEqual(told, expected);
});

test('a message that fails alone is parked, what follows of its key waits behind it, and all other keys flow', async (t) => {
  const { pool } = await openDatabase(t);
  const poisoned = newId<OrderId>();
  const handle = createBatchHandler({
    pool,
    participant: counting((orderId) => {
      if (orderId === poisoned) throw new UnreachablePair('broken', 'order.placed');
    }),
    logger,
  });
  const outcomes = await handle(
    [recordOf(placed()), recordOf(placed(poisoned)), recordOf(placed(poisoned)), recordOf(placed())],
    signal,
  );
  assert.deepEqual(outcomes, ['handled', 'parked', 'parked', 'handled']);
  assert.deepEqual(await handle([recordOf(placed(poisoned)), recordOf(placed())], signal), ['parked', 'handled']);
  assert.deepEqual(await parked(pool), ['unreachable', 'behind_parked', 'behind_parked']);
  assert.equal(await count(pool, 'seen'), 3);
  assert.equal(await count(pool, 'inbox'), 6);
});

test('a programming error in a handler parks its message and stops nothing', async (t) => {
  const { pool } = await openDatabase(t);
  const handle = createBatchHandler({
    pool,
    participant: counting(() => Reflect.get(Object(null), 'x').y),
    logger,
    evidence: hasty(),
  });
  assert.deepEqual(await handle([recordOf(placed())], signal), ['parked']);
  assert.deepEqual(await parked(pool), ['handler_failed']);
});

test('a hostile record is parked byte for byte, once', async (t) => {
  const { pool } = await openDatabase(t);
  const handle = createBatchHandler({ pool, participant: counting(), logger });
  const notJson = { ...recordOf(placed()), value: '{', bytes: Buffer.from([0x7b, 0xff, 0x00]) };
  const noHeaders = { ...recordOf(placed()), key: 'a\0b', headers: {} };
  const old = recordOf(placed());
  old.headers['ce_id'] = '01800000-0000-7000-8000-000000000000';
  const wrongData = { ...recordOf(placed()), value: '{"orderId":1}' };
  const longKey = { ...recordOf(placed()), key: Array.from({ length: 500 }, () => newId<EventId>()).join('') };
  const records = [notJson, noHeaders, old, wrongData, longKey];
  assert.deepEqual(await handle(records, signal), Array(5).fill('parked'));
  await handle(records, signal);
  assert.deepEqual(await parked(pool), [
    'invalid_data',
    'invalid_id',
    'outside_window',
    'invalid_data',
    'invalid_headers',
  ]);
  const { rows } = await pool.query<{ value: Buffer }>('select value from parked_messages order by parked_id limit 1');
  assert.deepEqual(rows[0]?.value, notJson.bytes);
  assert.equal(await count(pool, 'inbox'), 3, 'only ids inside the window are marked');
});

test('a lost race is tried again until it is won', async (t) => {
  const { pool } = await openDatabase(t);
  let losses = 0;
  const participant = counting();
  const losing: typeof participant = {
    ...participant,
    save: async (tx, work) => {
      if (losses++ < 5) await tx.query(`do $$ begin raise exception using errcode = '40P01'; end $$`);
      await participant.save(tx, work);
    },
  };
  const handle = createBatchHandler({ pool, participant: losing, logger });
  assert.deepEqual(await handle([recordOf(placed())], signal), ['handled']);
  assert.equal(await count(pool, 'seen'), 1);
});

test('a refused message that Debezium published twice is parked once', async (t) => {
  const { pool } = await openDatabase(t);
  const handle = createBatchHandler({ pool, participant: counting(), logger });
  const refused = { ...recordOf(placed()), value: '{}' };
  await handle([refused, { ...refused, offset: '999999' }], signal);
  assert.deepEqual(await parked(pool), ['invalid_data']);
});

test('a batch too slow for one statement is handled record by record', async (t) => {
  const { pool } = await openDatabase(t);
  const participant = counting();
  const slow: typeof participant = {
    ...participant,
    save: async (tx, work) => {
      if (work.seen.length > 1) await tx.query(`do $$ begin raise exception using errcode = '57014'; end $$`);
      await participant.save(tx, work);
    },
  };
  const handle = createBatchHandler({ pool, participant: slow, logger });
  assert.deepEqual(await handle([recordOf(placed()), recordOf(placed())], signal), ['handled', 'handled']);
});

test('a lock held for longer than all attempts parks nobody', async (t) => {
  const { pool } = await openDatabase(t);
  let losses = 0;
  const participant = counting();
  const locked: typeof participant = {
    ...participant,
    save: async (tx, work) => {
      if (losses++ < 12) await tx.query(`do $$ begin raise exception using errcode = '55P03'; end $$`);
      await participant.save(tx, work);
    },
  };
  const handle = createBatchHandler({ pool, participant: locked, logger });
  assert.deepEqual(await handle([recordOf(placed())], signal), ['handled']);
});

test('while the database is away a batch waits, says so, and is handled when it is back', async (t) => {
  const { pool } = await openDatabase(t);
  const warned = t.mock.method(logger, 'warn');
  let outages = 0;
  const participant = counting();
  const starting: typeof participant = {
    ...participant,
    save: async (tx, work) => {
      if (outages++ < 2) await tx.query(`do $$ begin raise exception using errcode = '57P03'; end $$`);
      await participant.save(tx, work);
    },
  };
  const handle = createBatchHandler({ pool, participant: starting, logger });
  assert.deepEqual(await handle([recordOf(placed()), recordOf(placed())], signal), ['handled', 'handled']);
  assert.deepEqual(
    warned.mock.calls.map((call) => call.arguments[1]),
    Array(2).fill('consumption waits for the database'),
  );
});
