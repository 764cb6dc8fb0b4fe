import type { ShopEvent } from '@sagamart/contracts/cloud-event';
import type { EventData } from '@sagamart/contracts/events';
import type { Sku } from '@sagamart/contracts/ids';
import type { Aggregate } from '@sagamart/service-kit/aggregate';
import { causedBy, type Counters } from '@sagamart/service-kit/transition';

/** The order service's copy of a product. It emits nothing. */
export type ProductCopyRow = {
  readonly sku: Sku;
  /** The product's version at inventory: 0 for one that nothing was heard of. */
  readonly copiedVersion: number;
  /** What is to be copied since the row was read. */
  readonly news: EventData<'product.changed'> | null;
} & Counters;

/** A copy only moves forward: an older version than the one it has changes nothing but Lamport time. */
export const productCopyAggregate: Aggregate<ProductCopyRow, ShopEvent<'product.changed'>> = {
  source: '/order',
  decide: (before, event) => {
    const { data } = event;
    const row = data.version > before.copiedVersion ? { ...before, copiedVersion: data.version, news: data } : before;
    return { row, emits: [], cause: causedBy(event) };
  },
};
