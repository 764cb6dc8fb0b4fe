import type { Invariant } from './invariants.ts';
import type { Counts } from './look.ts';

type Guide = {
  /** What is laid side by side to see whether it holds. */
  readonly compared: readonly (keyof Counts)[];
  /** Where a person begins to look when it is broken. */
  readonly lookAt: string;
};

const moneyTables = "payments of payment_db beside the provider's ledger (GET /v1/ledger)";
const decidedTables = 'orders of order_db by order_id, and the timeline of the order at the gateway';

/** In the order in which they are told. */
export const guides: Readonly<Record<Invariant, Guide>> = {
  terminal: { compared: ['orders'], lookAt: `${decidedTables}; is the order service up?` },
  money: {
    compared: ['orders', 'ledger', 'refundedElsewhere'],
    lookAt: `${moneyTables}: one capture-<order id>, at most one refund-<order id>; and npm run payments -- list --state settled`,
  },
  stock: {
    compared: ['orders', 'skus', 'movements'],
    lookAt: 'stock_movements of inventory_db, by sku and movement_id: the first whose balances do not follow',
  },
  told_once: {
    compared: ['orders', 'mails'],
    lookAt: 'notifications of notification_db, and the mail catcher by Message-ID',
  },
  nothing_lost: {
    compared: ['events', 'records'],
    lookAt: 'the connector and slot of that service: npm run stack -- status',
  },
  nothing_twice: { compared: ['records', 'heard'], lookAt: 'inbox of that service, and npm run parked' },
  order_per_key: {
    compared: ['records'],
    lookAt: 'that key in the topic, by offset, beside the outbox by aggregate_version',
  },
  cause_first: {
    compared: ['events'],
    lookAt: 'outbox: causation_id and lamport of the event and of the one it names',
  },
  keys: { compared: ['orders', 'keys'], lookAt: "idempotency_keys of order_db where route = 'POST /orders'" },
  walls: { compared: ['doors'], lookAt: 'the roles of that server, and infra/postgres/roles.sql' },
  stuck: { compared: ['orders'], lookAt: 'what it waits for: npm run stack -- status, npm run parked' },
  'confirmed was captured once and held': { compared: ['orders', 'ledger', 'movements'], lookAt: moneyTables },
  'refunded <= captured <= 1': { compared: ['ledger'], lookAt: moneyTables },
  'refunding is of a cancelled order': { compared: ['orders'], lookAt: `${moneyTables}; ${decidedTables}` },
  'captured is captured at the provider': { compared: ['orders', 'ledger'], lookAt: moneyTables },
  'voided or declined has no capture': { compared: ['orders', 'ledger'], lookAt: moneyTables },
  'committed was confirmed': { compared: ['orders'], lookAt: `reservations of inventory_db; ${decidedTables}` },
  'released is of a cancelled order': {
    compared: ['orders'],
    lookAt: `reservations of inventory_db; ${decidedTables}`,
  },
  'stock adds up': {
    compared: ['skus', 'movements'],
    lookAt: 'stock beside the sum of initial and restock in stock_movements',
  },
};

export const invariantNames = Object.keys(guides) as Invariant[];
