import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { test } from 'node:test';
import { lineSplitter, logOfPart } from './log-file.ts';
import { showLogs } from './log-follower.ts';
import { logFile } from './part-log.ts';
import { freshHome, until } from './stack-test-kit.ts';

const fact = (second: number, facts: object) =>
  `${JSON.stringify({ level: 'info', time: `2026-01-01T00:00:0${second}.000Z`, service: 'x', ...facts })}\n`;

test('the logs of several parts are told as one story, line by line, and of one order only what names it', async (t) => {
  const home = freshHome(t);
  appendFileSync(
    logFile(home, 'order'),
    fact(1, { orderId: 'one', msg: 'order.placed' }) +
      fact(2, { orderId: 'two', msg: 'order.placed' }) +
      fact(4, { orderId: 'one', msg: 'order.confirmed' }),
  );
  appendFileSync(
    logFile(home, 'payment'),
    fact(3, { orderId: 'one', msg: 'payment.captured', err: { message: 'lost', stack: 'at\n  here' } }) +
      'Error: not JSON\n',
  );
  const sources = ['order', 'payment'].map((part) => logOfPart(home, part));
  const tell = async (order?: string) => {
    const lines: string[] = [];
    await showLogs(sources, { order, colors: false, print: (line) => lines.push(line) });
    return lines;
  };
  assert.deepEqual(await tell('one'), [
    'order   [00:00:01.000] INFO: order.placed {"orderId":"one"}',
    'payment [00:00:03.000] INFO: payment.captured {"orderId":"one","err":{"message":"lost"}}',
    'order   [00:00:04.000] INFO: order.confirmed {"orderId":"one"}',
  ]);
  assert.equal((await tell()).length, 5);
  assert.equal((await tell())[3], 'payment Error: not JSON');
  assert.deepEqual(await tell('three'), ['(nothing was logged of three)']);
});

test('a log that is followed tells what is written from then on', async (t) => {
  const home = freshHome(t);
  const file = logFile(home, 'order');
  appendFileSync(file, 'before\n');
  const lines: string[] = [];
  const over = new AbortController();
  const print = (line: string) => lines.push(line);
  const shown = showLogs([logOfPart(home, 'order')], { follow: over.signal, colors: false, print });
  await until('the past is told', () => lines.length === 1);
  appendFileSync(file, 'after\n');
  await until('what came is told', () => lines.length > 1);
  over.abort();
  await shown;
  assert.deepEqual(lines, ['before', 'after']);
});

test('a line that comes in pieces is one line', () => {
  const complete = lineSplitter();
  assert.deepEqual([complete('one\ntw'), complete('o'), complete('\nthree\n')], [['one'], [], ['two', 'three']]);
});
