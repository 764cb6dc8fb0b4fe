import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeDiskLeft } from './disk-look.ts';
import { judgeLeaders } from './kafka-look.ts';

test('a broker that is up and has no leader for a partition is unhealthy, and names it', () => {
  const leader = (topic: string, partitionId: number, id: number) => ({ topic, partitionId, leader: id });
  assert.deepEqual(judgeLeaders([leader('order.events', 0, 1)]), { state: 'running', words: [] });
  const headless = Array.from({ length: 7 }, (_, partition) => leader('payment.events', partition, -1));
  assert.deepEqual(judgeLeaders([leader('order.events', 0, 1), ...headless]), {
    state: 'unhealthy',
    words: [
      'no leader for payment.events/0, payment.events/1, payment.events/2, payment.events/3, payment.events/4 and 2 more',
    ],
  });
});

test('a disk that is nearly full is told before it is full', () => {
  assert.deepEqual(judgeDiskLeft('/data', 2 ** 30), []);
  assert.deepEqual(judgeDiskLeft('/data', 100 * 2 ** 20), ['only 100 MB are free on the disk of /data']);
});
