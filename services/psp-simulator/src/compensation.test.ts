import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decideRefund, decideVoid, meaningOfRefund, type RefundRequest } from './compensation.ts';
import type { Entry } from './entry.ts';

const now = new Date('2026-11-21T10:00:00.000Z');
const common = { fingerprint: 'f', createdAt: now.toISOString() };
const money = { amountMinor: 2980, currency: 'EUR', reference: 'order-1' };
const capture: Entry = {
  kind: 'capture',
  key: 'capture-1',
  captureId: 'cap_1',
  ...money,
  ...common,
  answer: 'captured',
};
const decline: Entry = { ...capture, kind: 'decline', declineReason: 'card_declined', answer: 'declined' };
const voided: Entry = { kind: 'void', key: 'capture-1', ...common, answer: '{"status":"voided"}' };
const request: RefundRequest = { captureId: 'cap_1', ...money };
const refund: Entry = {
  kind: 'refund',
  key: 'refund-1',
  refundId: 'ref_1',
  captureId: 'cap_1',
  ...money,
  ...common,
  fingerprint: meaningOfRefund(request),
  answer: 'refunded',
};

test('a key nobody used is voided, and that is recorded', () => {
  const decision = decideVoid({ captureKey: 'capture-1' }, null, { fingerprint: 'f', now });
  assert.deepEqual(decision, { kind: 'recorded', entry: voided });
});

for (const [known, answer] of [
  [voided, '{"status":"voided"}'],
  [capture, 'captured'],
  [decline, 'declined'],
] as const) {
  test(`the void of a key that holds a ${known.kind} tells what was answered then, and records nothing`, () => {
    assert.deepEqual(decideVoid({ captureKey: 'capture-1' }, known, { fingerprint: 'f', now }), {
      kind: 'answered',
      answer,
    });
  });
}

test('the key of a refund is no capture key', () => {
  assert.deepEqual(decideVoid({ captureKey: 'refund-1' }, refund, { fingerprint: 'f', now }), {
    kind: 'refused',
    refusal: 'key_reused',
  });
});

function decide(changes: Partial<RefundRequest>, books: Partial<Parameters<typeof decideRefund>[1]>) {
  const asked = { ...request, ...changes };
  return decideRefund(
    asked,
    { known: null, capture, refundOfCapture: null, ...books },
    { key: 'refund-1', fingerprint: meaningOfRefund(asked), refundId: 'ref_9', now },
  );
}

for (const amountMinor of [2980, 1]) {
  test(`a capture of 2980 can be refunded by ${amountMinor}`, () => {
    const decision = decide({ amountMinor }, {});
    assert.ok(decision.kind === 'recorded');
    assert.deepEqual(JSON.parse(decision.entry.answer), {
      refundId: 'ref_9',
      status: 'refunded',
      captureId: 'cap_1',
      ...money,
      amountMinor,
    });
  });
}

test('the same refund again gets the same answer', () => {
  assert.deepEqual(decide({}, { known: refund, refundOfCapture: refund }), { kind: 'answered', answer: 'refunded' });
});

const refused: [string, ReturnType<typeof decide>, string][] = [
  ['more than was captured', decide({ amountMinor: 2981 }, {}), 'refund_too_large'],
  ['another currency', decide({ currency: 'USD' }, {}), 'other_currency'],
  ['a capture nobody knows', decide({}, { capture: null }), 'unknown_capture'],
  ['a decline', decide({}, { capture: decline }), 'unknown_capture'],
  ['a capture already refunded', decide({}, { refundOfCapture: refund }), 'already_refunded'],
  ['a used key with another request', decide({ amountMinor: 1 }, { known: refund }), 'key_reused'],
  ['the key of a capture', decide({}, { known: capture }), 'key_reused'],
  [
    'a key that forbids a capture and whose void reads like the refund',
    decide({}, { known: { ...voided, fingerprint: meaningOfRefund(request) } }),
    'key_reused',
  ],
];
for (const [what, decision, refusal] of refused) {
  test(`a refund of ${what} is refused: ${refusal}`, () => {
    assert.deepEqual(decision, { kind: 'refused', refusal });
  });
}
