import type { Door, Finding } from './books.ts';
import { compareDoors } from './compare-orders.ts';
import { openStockHistory } from './compare-stock.ts';
import { readMovements, readStock, type Reader } from './database-reader.ts';
import { listStrangers } from './doors.ts';
import type { Reading, Sources } from './reading.ts';

/** What was found of the shop as a whole, look after look: of its stock, and of the doors to its databases. */
export type JudgedShop = {
  /** Reads the stock and its movements that are new. Throws when a database goes away meanwhile. */
  readonly judge: (reading: Reading, tryDoors: () => Promise<readonly Door[]>) => Promise<void>;
  readonly findings: () => readonly Finding[];
  readonly counts: () => { skus: number; movements: number; doors: number };
};

export function openJudgedShop(): JudgedShop {
  const history = openStockHistory();
  let findings: Finding[] = [];
  let movements = 0;
  let doors: readonly Door[] = [];

  return {
    judge: async ({ unread, snapshots }, tryDoors) => {
      if (unread.length === 0) doors = [...(await tryDoors()), ...(await findStrangers(snapshots))];
      const { inventory } = snapshots;
      if (inventory === undefined) return;
      for await (const rows of readMovements(inventory, history.last)) {
        history.follow(rows);
        movements += rows.length;
      }
      findings = [...history.compare(await readStock(inventory)), ...compareDoors(doors)];
    },
    findings: () => findings,
    counts: () => ({ skus: history.last.size, movements, doors: doors.length }),
  };
}

async function findStrangers(snapshots: Reading['snapshots']): Promise<Door[]> {
  const entries = Object.entries(snapshots) as [keyof Sources['pools'], Reader][];
  return (await Promise.all(entries.map(([service, reader]) => listStrangers(service, reader)))).flat();
}
