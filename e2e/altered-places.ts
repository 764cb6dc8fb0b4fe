import type { ServiceName } from '@sagamart/contracts/topics';

type Place = { column: [string, string]; was: string; becomes: string; right: string };

/** A column that the service reads for every message, another type that holds the same, and a right that it needs for every message. */
export const alteredPlaces: Readonly<Record<ServiceName, Place>> = {
  order: { column: ['orders', 'traceparent'], was: 'text', becomes: 'varchar(100)', right: 'update on orders' },
  inventory: { column: ['stock', 'held'], was: 'integer', becomes: 'bigint', right: 'insert on stock_movements' },
  payment: { column: ['payments', 'capture_id'], was: 'text', becomes: 'varchar(200)', right: 'update on payments' },
  notification: {
    column: ['notifications', 'traceparent'],
    was: 'text',
    becomes: 'varchar(100)',
    right: 'insert on notifications',
  },
};
