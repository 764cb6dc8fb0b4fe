import type { Saboteur } from './saboteur.ts';

const payment = 'services/payment/src/payment.ts';

/** What keeps money from being taken twice, by guess, or for ever. */
export const paymentSaboteurs: readonly Saboteur[] = [
  {
    name: 'new-key-each-call',
    removes: "the provider's idempotency key: each call has another one",
    where: 'payment',
    changes: [
      {
        file: 'services/payment/src/provider.ts',
        remove: 'return `capture-${orderId}`;',
        instead: 'return `capture-${orderId}-${crypto.randomUUID()}`;',
      },
    ],
    scene: "the provider's answer is lost",
    breaks: ['money', 'refunded <= captured <= 1', 'confirmed was captured once and held'],
    story: 'The answer to a capture is lost, payment asks again, and the customer pays twice.',
  },
  {
    name: 'believe-silence',
    removes: "the provider's word: no answer counts as captured",
    where: 'payment',
    changes: [
      {
        file: 'services/payment/src/provider-calls.ts',
        remove: 'await callOf(due)',
        instead: "await callOf(due).catch(() => ({ outcome: 'captured', captureId: `cap_${orderId}` }))",
      },
    ],
    scene: 'the provider is down',
    breaks: ['money', 'captured is captured at the provider', 'confirmed was captured once and held'],
    story: 'The provider was down and has captured nothing. The customer gets the goods for nothing.',
  },
  {
    name: 'forgotten-refund',
    removes: 'the refund of what was captured for a cancelled order',
    where: 'payment',
    changes: [
      {
        file: payment,
        remove: "return unchanged({ status: 'refunding', terms: before.terms, captureId: before.captureId });",
        instead: 'return unchanged(before);',
      },
    ],
    scene: 'a paid order is cancelled',
    breaks: ['money'],
    story: 'The customer has cancelled and never sees the money again.',
  },
  {
    name: 'void-by-guess',
    removes: 'asking the provider before a payment counts as voided',
    where: 'payment',
    changes: [
      {
        file: payment,
        remove: "return unchanged({ status: 'voiding', terms: before.terms });",
        instead: 'return voided(before.terms, orderId);',
      },
    ],
    scene: 'a cancellation while the provider is asked',
    breaks: ['money', 'voided or declined has no capture'],
    story: 'No answer was taken for no capture. The provider had captured.',
  },
  {
    name: 'stale-row',
    removes: 'reading the row again before an answer is decided on',
    where: 'payment',
    changes: [
      {
        file: 'services/payment/src/provider-replies.ts',
        remove: 'lockForWork(tx, payments, answers.map(replyOf), clock)',
        instead: `lockForWork(tx, {
          ...payments,
          lock: async (tx, inputs) => {
            const rows = await payments.lock(tx, inputs);
            for (const { due } of answers) rows.set(due.orderId, { ...rows.get(due.orderId), payment: due.payment });
            return rows;
          },
        }, answers.map(replyOf), clock)`,
      },
    ],
    scene: "the provider's answer comes after the cancellation",
    breaks: ['order_per_key'],
    story: 'Two answers are each decided on as if the other had not come: one capture is told of twice.',
  },
  {
    name: 'no-prohibition',
    removes: 'the memory of a cancellation that came before there was anything to cancel',
    where: 'payment',
    changes: [
      {
        file: payment,
        remove: "case 'waiting':\n      return voided(before.terms, orderId);",
        instead: "case 'waiting':\n      return unchanged(before);",
      },
    ],
    scene: 'a cancellation overtakes the stock',
    breaks: ['money'],
    story: 'The cancellation changed nothing, then the stock is held, and payment captures for a cancelled order.',
  },
];
