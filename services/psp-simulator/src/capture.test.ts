import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  decideCapture,
  meaningOf,
  type CaptureDecision,
  type CaptureRequest,
  type RecordedCapture,
} from './capture.ts';

const fresh = { idempotencyKey: 'capture-1', captureId: 'cap_1', now: new Date('2026-11-21T10:00:00.000Z') };

function decide(
  asked: CaptureRequest,
  known: RecordedCapture | null,
  changes: Partial<typeof fresh> = {},
): CaptureDecision {
  return decideCapture(asked, known, { ...fresh, ...changes, fingerprint: `digest of ${meaningOf(asked)}` });
}

function request(changes: Partial<CaptureRequest> = {}): CaptureRequest {
  return { amountMinor: 2980, currency: 'EUR', paymentMethod: 'tok_visa', reference: 'order-1', ...changes };
}

function recorded(changes: Partial<CaptureRequest> = {}): RecordedCapture {
  const decision = decide(request(changes), null);
  assert.equal(decision.kind, 'recorded');
  return decision.capture;
}

test('tok_visa is captured', () => {
  const capture = recorded();
  assert.equal(capture.status, 'captured');
  assert.equal(capture.createdAt, '2026-11-21T10:00:00.000Z');
  assert.deepEqual(JSON.parse(capture.answer), {
    captureId: 'cap_1',
    status: 'captured',
    amountMinor: 2980,
    currency: 'EUR',
    reference: 'order-1',
  });
});

test('tok_declined is declined, and the decline is recorded like a capture', () => {
  const capture = recorded({ paymentMethod: 'tok_declined' });
  assert.equal(capture.status, 'declined');
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
  assert.deepEqual(decide(request(), known, later), { kind: 'repeated', capture: known });
});

for (const changes of [
  { amountMinor: 2981 },
  { currency: 'USD' },
  { paymentMethod: 'tok_declined' },
  { paymentMethod: 'tok_unknown' },
  { reference: 'order-2' },
]) {
  test(`a key that was used cannot be used for another request: ${JSON.stringify(changes)}`, () => {
    assert.deepEqual(decide(request(changes), recorded()), { kind: 'key_reused' });
  });
}
