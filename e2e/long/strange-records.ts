import { setTimeout as pause } from 'node:timers/promises';
import { newId, type EventId, type OrderId } from '@sagamart/contracts/ids';
import { eventOf, recordOf } from '@sagamart/test-kit/event-builder';
import { packWithEveryCodec } from '@sagamart/test-kit/record-packing';
import { CompressionTypes, type Message } from 'kafkajs';
import type { Surprise, World } from './surprises.ts';

packWithEveryCodec();

// Only the order service reads it, so that each of these is set aside once.
const topic = 'payment.events';
const openMs = 4_000;
const brokenOffAfterMs = 10_000;
const dayMs = 86_400_000;
const { GZIP, LZ4, None, Snappy, ZSTD } = CompressionTypes;

/** Records that nobody of the shop wrote. Each of them has to be set aside. */
export const strangeRecords: Readonly<Record<string, Surprise>> = {
  'a record that is small and large unpacked': async (world) => {
    const value = Buffer.alloc(20 * 1024 * 1024, 0x20);
    await write(world, [{ key: newId<OrderId>(), value }], world.random.one([GZIP, LZ4, Snappy, ZSTD]));
    // Its key is packed with it, and so nobody knows it.
    return [''];
  },

  'a record with twenty thousand headers': (world) => {
    const headers = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`retry-${index}`, 'x']));
    return write(world, [{ key: newId<OrderId>(), value: '{}', headers }]);
  },

  'a correlation id that no outbox could publish': (world) =>
    write(world, [forged({ ce_correlationid: 'c'.repeat(900_000) })], world.random.one([GZIP, ZSTD])),

  'the highest Lamport time': (world) => write(world, [forged({ ce_lamport: '999999999999999' })]),

  'an id that was minted in two days': (world) => {
    const hex = (Date.now() + 2 * dayMs).toString(16).padStart(12, '0');
    return write(world, [forged({ ce_id: `${hex.slice(0, 8)}-${hex.slice(8)}${newId<EventId>().slice(13)}` })]);
  },

  "somebody's transactions, committed, aborted and left open": async ({ kafka }) => {
    const keys: string[] = [];
    for (const end of ['commit', 'abort', 'leave open'] as const) {
      const producer = kafka.producer({
        ...{ transactionalId: newId<EventId>(), idempotent: true, maxInFlightRequests: 1 },
        // The broker ends what nobody ends.
        transactionTimeout: brokenOffAfterMs,
        retry: { retries: 20 },
      });
      await producer.connect();
      const transaction = await producer.transaction();
      const key = newId<OrderId>();
      await transaction.send({ topic, messages: [{ key, value: end }] });
      keys.push(key);
      await pause(openMs);
      if (end !== 'leave open') await transaction[end]();
      await producer.disconnect();
    }
    return keys;
  },
};

type Written = Message & { readonly key: string };

/** A record in the form of an event that payment did not say, of an order that nobody knows. */
function forged(headers: Record<string, string>): Written {
  const orderId = newId<OrderId>();
  const event = recordOf(eventOf({ type: 'payment.declined', data: { orderId, declineReason: 'forged' } }));
  const ours = Object.entries(event.headers).filter((each): each is [string, string] => each[1] !== undefined);
  return { key: orderId, value: event.value, headers: { ...Object.fromEntries(ours), ...headers } };
}

async function write({ kafka }: World, messages: Written[], compression: CompressionTypes = None): Promise<string[]> {
  const producer = kafka.producer({ allowAutoTopicCreation: false });
  await producer.connect();
  try {
    await producer.send({ topic, messages, compression });
  } finally {
    await producer.disconnect();
  }
  return messages.map(({ key }) => key);
}
