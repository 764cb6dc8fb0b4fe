import { setImmediate as turn } from 'node:timers/promises';
import type { ConsumedRecord } from './parked.ts';

type Handler = (records: readonly ConsumedRecord[]) => Promise<unknown>;
type Lot = { readonly records: ConsumedRecord[]; readonly isOpen: () => boolean; readonly handled: Promise<unknown> };

/**
 * Hands over together what comes of several partitions of a topic: at most `recordsMax` records (unless one partition brings more), and one lot of a
 * topic after the other. A fetch with a record of each of six partitions is then one transaction instead of six. All that brought something into a
 * lot hear how it ended.
 */
export function gathered(handle: Handler, recordsMax: number): Handler {
  const lots = new Map<string, Lot>();
  return (records) => {
    const topic = records[0]?.topic ?? '';
    let lot = lots.get(topic);
    if (lot === undefined || !lot.isOpen() || lot.records.length + records.length > recordsMax) {
      lot = begin(lot?.handled);
      lots.set(topic, lot);
    }
    lot.records.push(...records);
    return lot.handled;
  };

  function begin(before: Promise<unknown> | undefined): Lot {
    const records: ConsumedRecord[] = [];
    let isOpen = true;
    const handled = Promise.allSettled([before, turn()]).then(() => {
      isOpen = false;
      return handle(records);
    });
    return { records, isOpen: () => isOpen, handled };
  }
}
