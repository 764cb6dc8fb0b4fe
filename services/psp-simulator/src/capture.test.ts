import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decideCapture, meaningOf, type CaptureRequest } from './capture.ts';
import type { CaptureEntry, DeclineEntry, Decision, Entry } from './entry.ts';

const fresh = { key: 'capture-1', captureId: 'cap_1', now: new Date('2026-11-21T10:00:00.000Z') };

function decide(asked: CaptureRequest, known: Entry | null, changes: Partial<typeof fresh> = {}): Decision {
  return decideCapture(asked, known, { ...fresh, ...changes, fingerprint: `digest of ${meaningOf(asked)}` });
}

function request(changes: Partial<CaptureRequest> = {}): CaptureRequest {
  return { amountMinor: 2980, currency: 'EUR', paymentMethod: 'tok_visa', reference: 'order-1', ...changes };
}

function recorded(changes: Partial<CaptureRequest> = {}): CaptureEntry | DeclineEntry {
  const decision = decide(request(changes), null);
  assert.ok(decision.kind === 'recorded');
  const { entry } = decision;
  assert.ok(entry.kind === 'capture' || entry.kind === 'decline');
  return entry;
}

test('tok_visa is captured', () => {
  const capture = recorded();
  assert.equal(capture.kind, 'capture');
  assert.equal(capture.createdAt, '2026-11-21T10:00:00.000Z');
  assert.deepEqual(JSON.parse(capture.answer), {
    captureId: 'cap_1',
    status: 'captured',
    amountMinor: 2980,
    currency: 'EUR',
    reference: 'order-1',
  });
});

for (const paymentMethod of ['tok_slow', 'tok_lost_reply', 'tok_flaky']) {
  test(`${paymentMethod} is captured, whatever becomes of its answer`, () => {
    assert.equal(recorded({ paymentMethod }).kind, 'capture');
  });
}

test('a key that was voided never captures, whatever is asked under it', () => {
  const voided: Entry = { kind: 'void', key: 'capture-1', fingerprint: 'f', createdAt: '', answer: '{}' };
  const decision = decide(request(), voided);
  assert.ok(decision.kind === 'answered');
  assert.deepEqual(JSON.parse(decision.answer), {
    captureId: null,
    status: 'voided',
    amountMinor: 2980,
    currency: 'EUR',
    reference: 'order-1',
  });
});

test('tok_declined is declined, and the decline is recorded like a capture', () => {
  const capture = recorded({ paymentMethod: 'tok_declined' });
  assert.equal(capture.kind, 'decline');
  assert.deepEqual(JSON.parse(capture.answer), {
    captureId: 'cap_1',
    status: 'declined',
    declineReason: 'card_declined',
    amountMinor: 2980,
    currency: 'EUR',
    reference: 'order-1',
  });
});

for (const paymentMethod of ['tok_unknown', '4242424242424242', 'constructor', '__proto__']) {
  test(`the payment method ${paymentMethod}, which nobody issued, is declined`, () => {
    assert.partialDeepStrictEqual(JSON.parse(recorded({ paymentMethod }).answer), {
      status: 'declined',
      declineReason: 'unknown_payment_method',
    });
  });
}

test('the same request again gets what was recorded the first time', () => {
  const known = recorded();
  const later = { captureId: 'cap_2', now: new Date('2027-01-01T00:00:00.000Z') };
  assert.deepEqual(decide(request(), known, later), { kind: 'answered', answer: known.answer });
});

for (const changes of [
  { amountMinor: 2981 },
  { currency: 'USD' },
  { paymentMethod: 'tok_declined' },
  { paymentMethod: 'tok_unknown' },
  { reference: 'order-2' },
]) {
  test(`a key that was used cannot be used for another request: ${JSON.stringify(changes)}`, () => {
    assert.deepEqual(decide(request(changes), recorded()), { kind: 'refused', refusal: 'key_reused' });
  });
}
