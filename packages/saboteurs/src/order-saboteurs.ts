import type { Saboteur } from './saboteur.ts';

const idempotency = 'packages/service-kit/src/idempotency.ts';

/** What makes the order service decide once, in time, and each request once. */
export const orderSaboteurs: readonly Saboteur[] = [
  {
    name: 'no-idempotency-key',
    removes: "the customer's Idempotency-Key: every request is a new one",
    where: 'order',
    changes: [
      { file: idempotency, remove: 'if (earlier !== null) return earlier;', instead: '' },
      { file: idempotency, remove: 'if (meanwhile !== null) return meanwhile;', instead: '' },
      {
        file: idempotency,
        remove: '($1, $2, $3, $4, $5, $6, $7)`',
        instead: '($1, $2, $3, $4, $5, $6, $7) on conflict do nothing`',
      },
    ],
    scene: 'a request is sent twice',
    breaks: ['keys'],
    story: 'A customer whose connection broke sends the order again, and has ordered twice.',
  },
  {
    name: 'no-deadline',
    removes: 'the deadline: nobody looks for overdue orders',
    where: 'order',
    changes: [
      {
        file: 'services/order/src/deadlines.ts',
        remove: 'if (overdue.length === 0) return false;',
        instead: 'if (overdue.length >= 0) return false;',
      },
    ],
    scene: 'stock that is held after the deadline',
    breaks: ['stock', 'stuck', 'terminal'],
    story: 'Payment starts nothing after the deadline, so nothing ever happens to the order, and its stock stays held.',
  },
  {
    name: 'decide-twice',
    removes: 'the rule that an order is decided once',
    where: 'order',
    changes: [
      {
        file: 'services/order/src/order.ts',
        remove: "if (order.status !== 'pending') return unchanged(order);",
        instead: '',
      },
    ],
    scene: "the provider's answer comes after the cancellation",
    breaks: [
      'money',
      'order_per_key',
      'stock',
      'stuck',
      'told_once',
      'refunding is of a cancelled order',
      'released is of a cancelled order',
    ],
    story: 'The late capture of a cancelled order confirms it, while its stock and its money are on the way back.',
  },
];
