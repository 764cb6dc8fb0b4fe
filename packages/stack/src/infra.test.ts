import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { topicOwners } from '@sagamart/contracts/topics';
import { databaseServices } from './addresses.ts';
import { connectedServices } from './connectors.ts';
import { fill } from './template.ts';
import { splitScript, substitute } from './sql-script.ts';

const infra = (file: string) => readFileSync(join(import.meta.dirname, '../../../infra', file), 'utf8');

test('every topic of the contracts is made with six partitions, and so is a heartbeat topic for every database', () => {
  const groups = JSON.parse(infra('kafka/topics.json')) as { names: string[]; partitions: number }[];
  for (const topic of Object.keys(topicOwners))
    assert.equal(groups.find(({ names }) => names.includes(topic))?.partitions, 6, topic);
  for (const service of databaseServices)
    assert.ok(
      groups.some(({ names }) => names.includes(`__debezium-heartbeat.${service}`)),
      service,
    );
});

test('every database has a connector, and a connector without a database is refused', () => {
  assert.deepEqual(connectedServices(infra('debezium/databases.json')), [...databaseServices]);
  assert.throws(() => connectedServices('[{ "service": "shipping" }]'), /names 'shipping', which has no database/);
});

test('the connector publishes exactly the headers of an event, and its password stays out of its configuration', () => {
  const values = { SERVICE: 'order', SERVICE_CAPITALS: 'ORDER', DB_HOST: '127.0.0.1', DB_PORT: '5433' };
  const config = JSON.parse(fill(infra('debezium/outbox-connector.json'), values)) as Record<string, string>;
  const headers = (config['transforms.outbox.table.fields.additional.placement'] ?? '')
    .split(',')
    .map((placement) => placement.split(':')[2]);
  assert.deepEqual(headers, [
    'ce_id',
    'ce_type',
    'ce_source',
    'ce_subject',
    'ce_time',
    'ce_specversion',
    'ce_dataschema',
    'ce_causationid',
    'ce_correlationid',
    'ce_aggregateversion',
    'ce_lamport',
    'traceparent',
    'content-type',
  ]);
  assert.equal(config['database.password'], '${env:ORDER_DEBEZIUM_PASSWORD}');
  assert.equal(config['transforms.outbox.route.topic.replacement'], '${routedByValue}');
});

test('a name that a template asks for and nobody knows is an error', () => {
  assert.throws(() => fill('a ${UNKNOWN} b', { KNOWN: '1' }), /UNKNOWN.*Known: KNOWN/);
});

test('the roles script is read as psql reads it', () => {
  const script = `create role :"owner";\nselect 'a;b' \\gexec\nalter role :"owner" password :'word';\n`;
  assert.deepEqual(splitScript(substitute(script, { owner: 'o"x', word: "it's" })), [
    { sql: 'create role "o""x"', runsItsRows: false },
    { sql: `select 'a;b'`, runsItsRows: true },
    { sql: `alter role "o""x" password 'it''s'`, runsItsRows: false },
  ]);
  assert.throws(() => substitute(`:"nobody"`, {}), /nobody/);
});
