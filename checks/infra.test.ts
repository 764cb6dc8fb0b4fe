import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { EventHeaders } from '../packages/contracts/src/cloud-event.ts';
import { eventTypes } from '../packages/contracts/src/events.ts';
import { topicOwners } from '../packages/contracts/src/topics.ts';
import { repositoryRoot } from './source-tree.ts';

type TopicGroup = { names: string[]; partitions: number; config: Record<string, string> };

const read = (path: string) => readFileSync(join(repositoryRoot, path), 'utf8');
const contractTopics = Object.keys(topicOwners);
const services = [...new Set(Object.values(topicOwners))];
const topicGroups = JSON.parse(read('infra/kafka/topics.json')) as TopicGroup[];
const connector = JSON.parse(read('infra/debezium/outbox-connector.json')) as Record<string, string>;
const outboxTable =
  /create table outbox \((.*?)\) partition by/s.exec(read('packages/service-kit/migrations/0001-messaging.sql'))?.[1] ??
  '';
const outboxColumns = [...outboxTable.matchAll(/^ {2}([a-z_]+) (?:uuid|text|bigint|json|timestamp)\b/gm)].map(
  (match) => match[1] ?? '',
);

test('the topics of the contracts are the saga topics of infra/kafka/topics.json', () => {
  const sagaTopics = topicGroups.find(({ names }) => names.includes('order.events'));
  assert.deepEqual(sagaTopics?.names.toSorted(), contractTopics.toSorted());
  assert.equal(sagaTopics?.partitions, 6, 'partition counts of saga topics never change');
  assert.equal(sagaTopics?.config['message.timestamp.type'], 'LogAppendTime');
});

test('the outbox takes exactly the topics there are: a record for any other would stall its connector for good', () => {
  const allowed = [
    ...(/outbox_topic_exists check \(\s*topic in \(([^)]*)\)/.exec(outboxTable)?.[1] ?? '').matchAll(/'([^']+)'/g),
  ];
  assert.deepEqual(allowed.map((match) => match[1]).toSorted(), contractTopics.toSorted());
});

test('every event goes to a topic there is', () => {
  for (const [type, { topic }] of Object.entries(eventTypes))
    assert.ok(contractTopics.includes(topic), `${type} goes to ${topic}`);
});

test('every service with a database has a connector and a heartbeat topic', () => {
  const databases = JSON.parse(read('infra/debezium/databases.json')) as { service: string }[];
  assert.deepEqual(databases.map(({ service }) => service).toSorted(), services.toSorted());
  const topics = topicGroups.flatMap(({ names }) => names);
  for (const service of services)
    assert.ok(topics.includes(`__debezium-heartbeat.${service}`), `${service} has no heartbeat topic`);
});

test('the connector reads columns that the outbox has, and sends every one of them', () => {
  const placements = (connector['transforms.outbox.table.fields.additional.placement'] ?? '').split(',');
  const placed = placements.map((placement) => placement.split(':')[0] ?? '');
  const fields = [
    'route.by.field',
    'table.field.event.id',
    'table.field.event.key',
    'table.field.event.payload',
    'table.field.event.timestamp',
  ];
  const used = new Set([...placed, ...fields.map((field) => connector[`transforms.outbox.${field}`] ?? '')]);
  assert.ok(outboxColumns.length >= 15, `found only ${outboxColumns.length} columns`);
  assert.deepEqual([...used].toSorted(), outboxColumns.toSorted());
});

test('the headers of an event are those of the CloudEvents binding, and no others', () => {
  const placements = (connector['transforms.outbox.table.fields.additional.placement'] ?? '').split(',');
  const headers = placements.map((placement) => placement.split(':')[2] ?? '');
  assert.deepEqual(headers.toSorted(), Object.keys(EventHeaders.properties).toSorted());
});
