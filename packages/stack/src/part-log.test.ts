import assert from 'node:assert/strict';
import { statSync, truncateSync, writeSync } from 'node:fs';
import { test } from 'node:test';
import { LOG_BYTES_MAX, logFile, openLog, shortenLogs, tailOfLog } from './part-log.ts';
import { freshHome } from './stack-test-kit.ts';

test('a log that grew too long is put aside, and its writer goes on in the empty one', (t) => {
  const home = freshHome(t);
  const log = openLog(home, 'kafka');
  t.after(log.close);
  writeSync(log.fd, 'before\n');
  shortenLogs(home);
  assert.equal(tailOfLog(home, 'kafka', 1), 'before');
  truncateSync(logFile(home, 'kafka'), LOG_BYTES_MAX + 1);
  shortenLogs(home);
  writeSync(log.fd, 'after\n');
  assert.equal(tailOfLog(home, 'kafka', 5), 'after');
  assert.equal(statSync(`${logFile(home, 'kafka')}.1`).size, LOG_BYTES_MAX + 1);
});
