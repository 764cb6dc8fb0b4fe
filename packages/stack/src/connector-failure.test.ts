import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failureInLog, failureInTrace } from './connector-failure.ts';

const trace = `org.apache.kafka.connect.errors.RetriableException: An exception occurred in the change event producer. This connector will be restarted.
\tat io.debezium.pipeline.ErrorHandler.setProducerThrowable(ErrorHandler.java:63)
Caused by: io.debezium.jdbc.JdbcConnectionException: FATAL: permission denied to start WAL sender
\tat io.debezium.connector.postgresql.connection.PostgresReplicationConnection.initConnection(PostgresReplicationConnection.java:827)
Caused by: org.postgresql.util.PSQLException: FATAL: permission denied to start WAL sender
\t... 9 more`;
const reason = 'org.postgresql.util.PSQLException: FATAL: permission denied to start WAL sender';

test('the reason in a Java trace is the last cause, or the first line', () => {
  assert.equal(failureInTrace(trace), reason);
  assert.equal(failureInTrace('it broke\n\tat X'), 'it broke');
  assert.equal(failureInTrace(undefined), 'no reason given');
});

test('why a connector tries again for ever is found in the log of Connect, and of no other connector', () => {
  const log = [
    '2026-11-30T22:36:36,691 WARN WorkerSourceTask{id=order-outbox-0} failed to poll records from SourceTask. Will retry operation. (AbstractWorkerSourceTask)',
    trace,
    '2026-11-30T22:36:36,800 INFO [Producer] something else happened',
  ].join('\n');
  assert.equal(failureInLog(log, 'order-outbox'), reason);
  assert.equal(failureInLog(log, 'payment-outbox'), undefined);
  assert.equal(failureInLog('', 'order-outbox'), undefined);
});
