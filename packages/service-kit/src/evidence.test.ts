import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createEvidence } from './evidence.ts';

const withCode = (code: string, message = code) => Object.assign(new Error(message), { code });
const bug = (id = 'ab12-cd34') => new TypeError(`order ${id} has no line ${id.length}`);

/** Messages of one type, each of a key of its own. */
const tried = (n: number, type = 'order.placed') => ({ id: `id ${n}`, type, key: `key ${n}` });

function openEvidence() {
  const clock = { ms: 0 };
  return { clock, evidence: createEvidence(() => clock.ms) };
}

test('a message is at fault once another of its type has succeeded and it fails again', () => {
  const { evidence } = openEvidence();
  assert.equal(evidence.failed(tried(1), bug()), 'open');
  evidence.succeeded([tried(2)]);
  assert.equal(evidence.isContradicted('id 1'), true);
  assert.equal(evidence.failed(tried(1), bug()), 'message');
});

test('what succeeded before, under the same key or as another type proves nothing against a message', () => {
  const { evidence } = openEvidence();
  evidence.succeeded([tried(2)]);
  assert.equal(evidence.failed(tried(1), bug()), 'open');
  evidence.succeeded([tried(3, 'order.cancelled'), { ...tried(4), key: 'key 1' }]);
  assert.equal(evidence.failed(tried(1), bug()), 'open');
});

test('three messages of different keys that fail alike, whatever ids they name, blame the place for as long as none succeeds', () => {
  const { evidence, clock } = openEvidence();
  assert.equal(evidence.failed(tried(1), bug('ab12-0001')), 'open');
  assert.equal(evidence.failed({ ...tried(2), key: 'key 1' }, bug('ab12-0002')), 'open');
  assert.equal(evidence.failed(tried(3), withCode('42P01')), 'place', 'no table');
  assert.equal(evidence.failed(tried(4), bug('ab12-0003')), 'open');
  assert.equal(evidence.failed(tried(5, 'order.cancelled'), bug('ab12-0004')), 'place');
  clock.ms += 3_600_000;
  assert.equal(evidence.failed(tried(1), bug('ab12-0001')), 'place', 'also after an hour');
  assert.match(evidence.trouble() ?? '', /paused for 3600 s.*TypeError/);
  assert.equal(evidence.blamesPlaceFor(bug('ab12-0009')), true);
  assert.equal(evidence.blamesPlaceFor(new Error('another')), false);
  evidence.succeeded([tried(3), tried(4), tried(5, 'order.cancelled')]);
  assert.equal(evidence.trouble(), null);
});

test('an error that no value can bring about blames the place, however many succeed meanwhile', () => {
  const { evidence, clock } = openEvidence();
  for (const code of ['42501', '42P01', '42703', '42883', '0A000', '26000', '3F000']) {
    assert.equal(evidence.failed(tried(1), withCode(code)), 'place', code);
    evidence.succeeded([tried(2)]);
    clock.ms += 60_000;
    assert.equal(evidence.failed(tried(1), withCode(code)), 'place', code);
  }
});

test('a message that nothing came to compare it with is unproven after eight seconds, and counts among those that fail alike', () => {
  const { evidence, clock } = openEvidence();
  for (const n of [1, 2]) {
    assert.equal(evidence.failed(tried(n), bug()), 'open');
    clock.ms += 8_000;
    assert.equal(evidence.failed(tried(n), bug()), 'unproven');
  }
  assert.equal(evidence.trouble(), null);
  assert.equal(evidence.failed(tried(3), bug()), 'place', 'a topic is not parked one by one');
  evidence.succeeded([tried(4)]);
  assert.equal(evidence.failed(tried(5), bug()), 'open', 'what has succeeded since ends the row');
});

test('an operator says that the messages are at fault: for ten minutes what fails alike is parked', () => {
  const { evidence, clock } = openEvidence();
  assert.equal(evidence.pause(), null, 'nothing waits');
  for (const n of [1, 2, 3]) evidence.failed(tried(n), bug());
  const paused = evidence.pause();
  assert.match(paused?.error ?? '', /TypeError/);
  paused?.release();
  assert.deepEqual(
    [1, 2, 3, 4].map((n) => evidence.failed(tried(n), bug())),
    Array(4).fill('message'),
  );
  assert.equal(evidence.trouble(), null);
  assert.equal(evidence.failed(tried(5), new Error('another')), 'open');
  clock.ms += 600_000;
  assert.equal(evidence.failed(tried(6), bug()), 'open');
});

test('waiting for what is known to pass is told once it lasts for two seconds', () => {
  const { evidence, clock } = openEvidence();
  evidence.waited(withCode('53100', 'no space left on device'));
  assert.equal(evidence.trouble(), null);
  clock.ms += 2_000;
  evidence.waited(withCode('53100', 'no space left on device'));
  assert.match(evidence.trouble() ?? '', /waits for 2 s: 53100 no space left/);
  evidence.succeeded([]);
  assert.equal(evidence.trouble(), null);
});
