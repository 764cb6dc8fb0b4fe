import type { Saboteur } from './saboteur.ts';

const outbox = 'packages/service-kit/src/outbox.ts';
const inbox = 'packages/service-kit/src/inbox.ts';
const directProducer = import.meta.resolve('./direct-producer.ts');
const outboxInsert = "await tx.query({ name: 'append-to-outbox', text: appendSql, values: [JSON.stringify(rows)] });";
const createHandler = 'createBatchHandler({ pool, participant, logger, evidence, observe: countMessage })';
const commit = 'await tx.#commit();';

/** What keeps state and messages together, on the way out and on the way in. */
export const messagingSaboteurs: readonly Saboteur[] = [
  {
    name: 'dual-write',
    removes: 'the outbox: what is said goes to Kafka after the commit',
    where: 'order',
    changes: [
      {
        file: outbox,
        remove: outboxInsert,
        instead: `(await import('${directProducer}')).keepForLater(tx, rows);`,
      },
      {
        file: 'packages/service-kit/src/transaction.ts',
        remove: commit,
        instead: `${commit}\n      await (await import('${directProducer}')).produceKept(tx);`,
      },
    ],
    scene: 'a crash right after the commit',
    breaks: ['nothing_lost', 'order_per_key'],
    story: 'The order is in the database, and nobody ever hears that it was placed. Its deadline passes.',
  },
  {
    name: 'publish-before-commit',
    removes: 'the outbox: what is said goes to Kafka before the commit',
    where: 'order',
    changes: [
      { file: outbox, remove: outboxInsert, instead: `await (await import('${directProducer}')).produceNow(rows);` },
    ],
    scene: 'a crash right before the commit',
    breaks: ['money', 'nothing_lost', 'stock', 'stuck'],
    story: 'An order that was never taken holds stock and is paid for.',
  },
  {
    name: 'offsets-first',
    removes: "the order of the two commits: Kafka's offsets come before the database",
    where: 'notification',
    changes: [
      {
        file: 'services/notification/src/main.ts',
        remove: createHandler,
        // Long enough for a crash to be aimed at the moment between the two.
        instead: `((handle) => async (...batch) => void setTimeout(() => handle(...batch), 3_000))(${createHandler})`,
      },
    ],
    scene: 'a crash right after the offsets are committed',
    breaks: ['nothing_twice', 'stuck', 'told_once'],
    story: 'Kafka was told that the message is done with, and then nobody did it.',
  },
  {
    name: 'no-inbox',
    removes: 'the inbox: every message counts as new',
    where: 'notification',
    changes: [
      {
        file: inbox,
        remove: 'if (entries.length === 0) return new Set();',
        instead: 'return new Set(entries.map(({ id }) => id));',
      },
    ],
    scene: 'everything is heard twice',
    breaks: ['nothing_twice', 'stuck'],
    story: 'What comes a second time meets a state that it cannot meet, and is parked; all that follows it waits.',
  },
  {
    name: 'dedupe-by-order-id',
    removes: 'the event id as the mark of a repetition: the second message of an order counts as one',
    where: 'payment',
    changes: [
      {
        file: inbox,
        remove: 'returning event_id`',
        instead: `returning case when not exists (
        select from inbox as earlier where earlier.topic = inbox.topic and earlier.partition_key = inbox.partition_key
      ) then event_id end as event_id\``,
      },
    ],
    scene: 'a paid order is cancelled',
    breaks: ['money'],
    story: 'order.placed was heard of this order, so order.cancelled is dropped and nobody refunds.',
  },
  {
    name: 'no-message-key',
    removes: 'the message key as what decides the partition',
    where: 'order',
    beforehand: {
      kind: 'connector',
      settings: { 'producer.override.partitioner.class': 'org.apache.kafka.clients.producer.RoundRobinPartitioner' },
    },
    scene: 'business as usual',
    breaks: ['order_per_key'],
    story: 'What is said of one order lies in several partitions, which nobody reads in order.',
  },
  {
    name: 'lamport-not-raised',
    removes: "the rule that what was heard raises the listener's Lamport time",
    where: 'inventory',
    changes: [
      {
        file: 'packages/service-kit/src/transition.ts',
        remove: 'Math.max(before.lamport, cause.lamport) + 1',
        instead: 'before.lamport + 1',
      },
    ],
    scene: 'business as usual',
    breaks: ['cause_first'],
    story:
      'stock.reserved carries the time of the order.placed that caused it: a timeline cannot tell which came first.',
  },
];
