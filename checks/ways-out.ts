import type { ParkReason } from '../packages/contracts/src/cloud-event.ts';
import type { OutboxSlot } from '../packages/service-kit/src/outbox-slot.ts';
import type { Unreadable } from '../packages/service-kit/src/record-batch.ts';
import type { Reservation } from '../services/inventory/src/reservation.ts';
import type { Notification } from '../services/notification/src/notification.ts';
import type { Payment } from '../services/payment/src/payment.ts';

/** How a state ends in which something can be stuck. `file` and `title` name the test that ended it so; `alarm` is an alert, or says that there is none. */
export type WayOut =
  /** Nothing is owed in it. */
  | 'final'
  | {
      readonly alarm: string;
      readonly ends: string;
      readonly file: string;
      readonly title: string;
    };

/** Why a message is parked, beside what contracts and decoding refuse it for. */
type ParkedReason =
  | ParkReason
  | Unreadable['reason']
  | 'outside_window'
  | 'unreachable'
  | 'handler_failed'
  | 'behind_parked';

const parkedMessages = { alarm: 'ParkedMessages' } as const;
const discard = { ...parkedMessages, ends: 'npm run parked -- discard <id> --reason "why"' } as const;
const replay = { ...parkedMessages, ends: 'npm run parked -- replay <id>' } as const;
const forged = {
  file: 'e2e/parked.e2e.ts',
  title: 'forged messages hold up their own order only, and when they are discarded it ends as if they had never been',
} as const;
const poison = {
  file: 'e2e/poison.e2e.ts',
  title:
    'four messages that cannot be handled, each of its own kind, are parked and hold up none of the orders around them',
} as const;
const beyondBounds = {
  file: 'e2e/beyond-bounds.e2e.ts',
  title:
    '${what} is not believed: the order is cancelled, its money and stock come back, and an operator settles the forgery',
} as const;
const hostile = {
  file: 'e2e/hostile-records.e2e.ts',
  title:
    'what is small and would be large unpacked, or has headers without end, is set aside by all who read it, and orders go on',
} as const;

const messages: Record<ParkedReason, WayOut> = {
  invalid_id: { ...discard, ...forged },
  invalid_data: { ...discard, ...forged },
  invalid_headers: { ...discard, ...beyondBounds },
  unknown_major_version: { ...discard, ...poison },
  unreadable: {
    ...discard,
    file: 'packages/service-kit/src/parked-places.db.test.ts',
    title: 'what cannot be decoded is parked under its reason, and can be discarded like any other',
  },
  too_large: { ...discard, ...hostile },
  headers_too_large: { ...discard, ...hostile },
  outside_window: {
    ...replay,
    file: 'e2e/beyond-bounds.e2e.ts',
    title: 'what a clock minted that was two days ahead is settled by its replay',
  },
  unreachable: { ...discard, ...poison },
  handler_failed: {
    ...replay,
    file: 'e2e/parked.e2e.ts',
    title: 'what could not be handled is replayed after the repair, once, and the order goes on where it stood',
  },
  behind_parked: { ...parkedMessages, ends: 'by itself, when the one before it is settled', ...forged },
};

const settle = 'npm run payments -- settle <order id> …';
const providerDown = {
  file: 'e2e/long/alerts.e2e.ts',
  title: 'a provider that does not answer, a refund that is owed and an order that cannot be decided are told',
} as const;

const payments: Record<Payment['status'], WayOut> = {
  waiting: {
    alarm: 'SagaStuck',
    ends: 'by itself: the order is timed out after its deadline, which voids it',
    file: 'e2e/deadline.e2e.ts',
    title: 'a payment service that was down past the deadline starts no capture when it is back',
  },
  capturing: {
    alarm: 'PaymentNeedsPerson',
    ends: `by itself, when the provider answers; else ${settle}`,
    ...providerDown,
  },
  voiding: {
    alarm: 'PaymentNeedsPerson',
    ends: `by itself, when the provider answers; else ${settle}`,
    file: 'e2e/provider-trouble.e2e.ts',
    title: 'an order cancelled while the provider is down is voiding until the provider says what became of it',
  },
  refunding: {
    alarm: 'RefundOverdue',
    ends: settle,
    file: 'e2e/refunded-by-hand.e2e.ts',
    title: 'a refund that no answer ends is listed with the last one, and a person ends it',
  },
  captured: 'final',
  declined: 'final',
  voided: 'final',
  refunded: 'final',
};

const refusedMail = {
  file: 'e2e/refused-mail.e2e.ts',
  title: 'mails that are refused for our sake go out when they are taken again, and one that a person gave up does not',
} as const;

const notifications: Record<Notification['status'], WayOut> = {
  pending: {
    alarm: 'MailNeedsPerson',
    ends: 'by itself, when the mail server takes it; else npm run notifications -- resend <order id> … or give-up <order id> …',
    ...refusedMail,
  },
  refused: {
    alarm: 'none: it is over, and listed by npm run notifications -- list --state refused',
    ends: 'npm run notifications -- resend <order id> … --to <address>',
    ...refusedMail,
  },
  sent: 'final',
  no_address: 'final',
};

const reservations: Record<Reservation['status'], WayOut> = {
  held: {
    alarm: 'SagaStuck',
    ends: 'by itself, when its order is decided; what holds that up: npm run stack -- end-session order <pid>',
    ...providerDown,
  },
  unseen: 'final',
  rejected: 'final',
  committed: 'final',
  released: 'final',
  tombstone: 'final',
};

const heal = 'npm run stack -- heal <service>';
const unsoundSlot = {
  file: 'e2e/lost-slot.e2e.ts',
  title:
    'what a service says after its slot was dropped, under load, is published by one command, though it was broken off before: once, and in order',
} as const;

const slots: Record<OutboxSlot['state'], WayOut> = {
  sound: 'final',
  missing: { alarm: 'SlotUnsound', ends: heal, ...unsoundSlot },
  lost: {
    alarm: 'SlotUnsound',
    ends: heal,
    file: 'packages/stack/src/lost-slot.db.test.ts',
    title: 'a slot that fell too far behind is lost, is seen to be, and is not made anew for more than it can hold',
  },
  made_again: {
    alarm: 'SlotUnsound',
    ends: heal,
    file: 'e2e/long/alerts.e2e.ts',
    title:
      'Debezium that stands still and a slot that is not the one from before are told, and silence returns when they are healed',
  },
  unknown: {
    alarm: 'none: only before a database is migrated for the first time',
    ends: 'by itself, with the migration',
    file: 'packages/service-kit/src/migrate.db.test.ts',
    title: 'the slot is made once and the first row written after it is published',
  },
};

type ConnectorTrouble = 'task FAILED' | 'task fails in a loop' | 'RUNNING and not moving' | 'behind a transaction';

const connectors: Record<ConnectorTrouble, WayOut> = {
  'task FAILED': {
    alarm: 'ConnectorNotMoving',
    ends: 'by itself: it is restarted',
    file: 'packages/stack/src/connector-look.db.test.ts',
    title:
      'a task that fails in a loop is told with its reason at every look, also at one that finds it just restarted',
  },
  'task fails in a loop': {
    alarm: 'ConnectorNotMoving',
    ends: 'npm run stack -- status tells why; by itself, when that is repaired',
    file: 'e2e/status.e2e.ts',
    title:
      'a connector that tries again for ever is told within 20 s with its reason, at the service that is not heard as well',
  },
  'RUNNING and not moving': {
    alarm: 'ConnectorNotMoving',
    ends: 'npm run stack -- restart connect',
    file: 'e2e/long/alerts.e2e.ts',
    title:
      'Debezium that stands still and a slot that is not the one from before are told, and silence returns when they are healed',
  },
  'behind a transaction': {
    alarm: 'ConnectorNotMoving',
    ends: 'npm run stack -- end-session <service> <pid>',
    file: 'e2e/status.e2e.ts',
    title: 'a healing behind a long transaction says for whom it waits, ends at its limit, and the connector runs',
  },
};

/** Every state in which a thing can be stuck, from the unions of the code itself: a new one does not compile until it has its way out. */
export const waysOut: Readonly<Record<string, Readonly<Record<string, WayOut>>>> = {
  'a parked message': messages,
  'a payment': payments,
  'a notification': notifications,
  'a reservation': reservations,
  'a slot': slots,
  'a connector': connectors,
};

const start = '<!-- ways out -->';
const end = '<!-- /ways out -->';

/** A document with the table between its markers written anew. Throws when it has no markers. */
export function withWaysOut(document: string): string {
  const [head, rest] = document.split(start);
  const tail = rest?.split(end)[1];
  if (head === undefined || tail === undefined) throw new Error(`expected ${start} and ${end}`);
  return `${head}${start}\n\n${Object.entries(waysOut)
    .map(([what, states]) => formatStates(what, states))
    .join('\n')}\n${end}${tail}`;
}

function formatStates(what: string, states: Readonly<Record<string, WayOut>>): string {
  const rows = Object.entries(states).flatMap(([state, way]) =>
    way === 'final' ? [] : [`| ${state} | ${way.alarm} | ${marked(way.ends)} | ${way.title} (\`${way.file}\`) |\n`],
  );
  const final = Object.entries(states).flatMap(([state, way]) => (way === 'final' ? [state] : []));
  const over = final.length === 0 ? '' : `\nNothing is owed when it is ${final.join(', ')}.\n`;
  return `| ${what} that is | told by | ends | tested: |\n|---|---|---|---|\n${rows.join('')}${over}`;
}

/** The commands in it as code. */
function marked(ends: string): string {
  return ends.replaceAll(/npm run [^;,]*?(?= or |; |, | tells|$)/g, (command) => `\`${command}\``);
}
