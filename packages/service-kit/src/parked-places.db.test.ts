import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { eventOf, placedData, recordOf } from '@sagamart/test-kit/event-builder';
import { freshDatabase } from '@sagamart/test-kit/fresh-database';
import { createLogger } from '@sagamart/telemetry/logger';
import { createBatchHandler } from './batch.ts';
import type { Participant } from './participant.ts';
import { createPool } from './database.ts';
import { migrateDatabase } from './migrate.ts';
import { createEvidence } from './evidence.ts';
import type { ConsumedRecord } from './parked.ts';
import { createParkedActs } from './parked-acts.ts';
import { unreadableReasons } from './record-batch.ts';

const signal = new AbortController().signal;
const logger = createLogger({ service: 'test', level: 'silent' });

/** Hears nothing and writes nothing: only what cannot be read is of interest. */
const deaf: Participant<null, never> = {
  hears: [],
  load: async () => null,
  react: () => undefined,
  save: async () => {},
};

async function open(t: TestContext) {
  const folder = import.meta.dirname;
  const { url } = await freshDatabase(t, {
    template: 'kit',
    migrate: (ownerUrl) => migrateDatabase({ ownerUrl, folder }),
  });
  const pool = createPool({ connectionString: url, applicationName: 'test' });
  t.after(() => pool.end());
  const handle = createBatchHandler({ pool, participant: deaf, logger });
  return {
    handle: (record: ConsumedRecord) => handle([record], signal),
    discardAll: async () => {
      const act = createParkedActs({ pool, participant: deaf, logger, evidence: createEvidence() });
      const { rows } = await pool.query<{ id: string }>(
        'select message_id as id from parked_messages order by parked_id',
      );
      const statuses: string[] = [];
      for (const { id } of rows)
        statuses.push((await act({ act: 'discard', id, operator: 'ada', reason: 'nobody can read it' })).status);
      return statuses;
    },
    parked: async () => {
      const { rows } = await pool.query('select topic_id, reason from parked_messages order by parked_id');
      return rows.map(({ topic_id: topicId, reason }) => `${topicId} ${reason}`);
    },
  };
}

function poisonAt(place: Pick<ConsumedRecord, 'topicId' | 'appendedAtMs'>): ConsumedRecord {
  return { topic: 'order.events', partition: 3, offset: '0', key: 'K', value: '{', bytes: null, headers: {}, ...place };
}

test('what has to be parked is listed although something else was parked at its place in the topic of before', async (t) => {
  const { handle, parked } = await open(t);
  const before = poisonAt({ topicId: 'before', appendedAtMs: 1_000 });
  const event = recordOf(eventOf({ type: 'order.placed', data: placedData() }));
  const after = { ...event, ...poisonAt({ topicId: 'after', appendedAtMs: Date.now() }), headers: event.headers };
  await handle(before);
  await handle(after);
  await handle(after);
  assert.deepEqual(await parked(), ['before invalid_id', 'after invalid_headers']);
});

test('until a consumer has heard of the new topic, the time of appending tells its records apart', async (t) => {
  const { handle, parked } = await open(t);
  await handle(poisonAt({ topicId: 'before', appendedAtMs: 1_000 }));
  await handle(poisonAt({ topicId: 'before', appendedAtMs: 2_000 }));
  await handle(poisonAt({ topicId: 'before', appendedAtMs: 2_000 }));
  assert.equal((await parked()).length, 2);
});

test('a time that no calendar has parks a record all the same', async (t) => {
  const { handle, parked } = await open(t);
  for (const [offset, appendedAtMs] of [-1, 9e18, NaN].entries())
    await handle({ ...poisonAt({ topicId: 'x', appendedAtMs }), offset: String(offset) });
  assert.equal((await parked()).length, 3);
});

test('what cannot be decoded is parked under its reason, and can be discarded like any other', async (t) => {
  const { handle, parked, discardAll } = await open(t);
  for (const [offset, reason] of unreadableReasons.entries())
    await handle({
      ...poisonAt({ topicId: 'x', appendedAtMs: 1 }),
      ...{ key: null, value: null, offset: String(offset), unreadable: { reason, detail: 'one record' } },
    });
  assert.deepEqual(
    await parked(),
    unreadableReasons.map((reason) => `x ${reason}`),
  );
  assert.deepEqual(await discardAll(), Array(unreadableReasons.length).fill('discarded'));
});
