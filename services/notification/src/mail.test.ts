import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CancelReason } from '@sagamart/contracts/events';
import { newId, type CustomerId, type OrderId, type Sku } from '@sagamart/contracts/ids';
import { composeMail } from './mail.ts';

const facts = {
  orderId: newId<OrderId>(),
  customerId: newId<CustomerId>(),
  lines: [
    { sku: 'MUG-STONE-BLUE' as Sku, name: 'Stoneware mug, blue', quantity: 2, unitPriceMinor: 1490 },
    { sku: 'LAMP-DESK-OAK' as Sku, name: 'Desk lamp <oak> & "steel"', quantity: 1, unitPriceMinor: 129_900 },
  ],
  totalMinor: 132_880,
  currency: 'EUR' as const,
  status: 'pending' as const,
  email: 'ada@example.com',
};
const confirmed = { ...facts, outcome: 'confirmed' as const, confirmedAt: '2026-11-21T10:00:00.000Z' };

function cancelled(reason: CancelReason, confirmedAt: string | null = null) {
  return { ...facts, outcome: 'cancelled' as const, reason, cancelledAt: '2026-11-21T10:05:00.000Z', confirmedAt };
}

test('a confirmation lists every line with its sum, the total and the order id, in text and in HTML', () => {
  const mail = composeMail(confirmed);
  assert.equal(mail.to, 'ada@example.com');
  assert.match(mail.subject, /confirmed/);
  for (const body of [mail.text, mail.html]) {
    for (const expected of ['Stoneware mug, blue', '€29.80', '€1,299.00', '€1,328.80', facts.orderId])
      assert.ok(body.includes(expected), expected);
  }
});

test('a product name cannot bring markup into the mail', () => {
  const { html } = composeMail(confirmed);
  assert.ok(html.includes('Desk lamp &lt;oak&gt; &amp; &quot;steel&quot;'));
  assert.ok(!html.includes('<oak>'));
});

test('each reason for a cancellation has its own words', () => {
  const texts = CancelReason.enum.map((reason) => composeMail(cancelled(reason)).text);
  assert.equal(new Set(texts).size, CancelReason.enum.length);
});

test('who has paid is told that the money comes back, and who has not that nothing was paid', () => {
  assert.match(
    composeMail(cancelled('customer_cancelled', '2026-11-21T10:00:00.000Z')).text,
    /full amount is on its way back/,
  );
  assert.match(composeMail(cancelled('timed_out')).text, /If a payment went through/);
  assert.match(composeMail(cancelled('out_of_stock')).text, /not paid anything/);
  assert.match(composeMail(cancelled('payment_declined')).text, /not paid anything/);
});

test('both mails of one order have Message-IDs of their own', () => {
  assert.equal(composeMail(confirmed).messageId, `${facts.orderId}.confirmed@sagamart.example`);
  assert.equal(composeMail(cancelled('out_of_stock')).messageId, `${facts.orderId}.cancelled@sagamart.example`);
});
