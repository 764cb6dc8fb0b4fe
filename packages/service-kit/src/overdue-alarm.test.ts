import assert from 'node:assert/strict';
import { test } from 'node:test';
import { overdueAlarm } from './overdue-alarm.ts';

test('a row that has been too long in a state that must end is an alarm with its age, and others are not', async () => {
  const rows = [
    { state: 'payment_capturing', rows: 3, oldestAgeSeconds: 14.2 },
    { state: 'payment_refunding', rows: 1, oldestAgeSeconds: 59 },
    { state: 'payment_voiding', rows: 0, oldestAgeSeconds: 0 },
  ];
  const alarm = (secondsMax: Record<string, number>) => overdueAlarm(async () => rows, secondsMax).check();
  const limits = { payment_capturing: 12, payment_refunding: 60, payment_voiding: 12 };
  assert.equal(await alarm(limits), 'overdue payment_capturing: 3, the first for 14 s');
  assert.equal(await alarm({ ...limits, payment_capturing: 20 }), null);
  assert.equal(await alarm({}), null);
});
