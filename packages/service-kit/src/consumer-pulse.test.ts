import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { createPulse } from './consumer-pulse.ts';

function openPulse(t: TestContext) {
  let nowMs = 1_000_000;
  t.mock.method(performance, 'now', () => nowMs);
  return { pulse: createPulse(), pass: (seconds: number) => void (nowMs += seconds * 1_000) };
}

test('records that wait while others are handled are no trouble', (t) => {
  const { pulse, pass } = openPulse(t);
  pulse.took('order.events/0');
  pulse.took('order.events/1');
  for (let lot = 0; lot < 4; lot += 1) {
    pass(10);
    assert.equal(pulse.trouble(), null);
    pulse.handled();
  }
  pulse.released('order.events/0');
  pass(16);
  assert.equal(pulse.trouble(), 'records of order.events/1 are in hand, and none were handled for 16 s');
  pulse.handled();
  assert.equal(pulse.trouble(), null);
});

test('records are given 15 s from when they are taken, however long ago any were handled', (t) => {
  const { pulse, pass } = openPulse(t);
  pulse.handled();
  pass(60);
  pulse.took('order.events/0');
  pass(15);
  assert.equal(pulse.trouble(), null);
  pass(1);
  assert.match(pulse.trouble() ?? '', /none were handled for 16 s/);
});

test('nothing in hand and no fetch for 15 s is trouble', (t) => {
  const { pulse, pass } = openPulse(t);
  pulse.beat();
  pass(15);
  assert.equal(pulse.trouble(), null);
  pass(1);
  assert.equal(pulse.trouble(), 'no fetch from Kafka for 15 s');
});

test('a wall clock that is wrong for a while neither makes a client look dead nor hides that it is', (t) => {
  const { pulse, pass } = openPulse(t);
  t.mock.timers.enable({ apis: ['Date'], now: 2 * 86_400_000 });
  pulse.beat();
  t.mock.timers.setTime(0);
  assert.equal(pulse.trouble(), null);
  pass(16);
  assert.equal(pulse.trouble(), 'no fetch from Kafka for 15 s');
});
