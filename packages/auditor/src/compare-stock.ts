import type { Books, Finding, MovementRow, Quantity, Stock, StockRow } from './books.ts';

/** Invariant 3, of orders: each holds, has and gave back exactly its lines. */
export function compareOrdersWithStock(books: Books): Finding[] {
  return [...compareReservationsWithMovements(books), ...compareOrdersWithReservations(books)];
}

/** Invariant 3, of the shop: no unit appears, disappears or is sold twice, at any moment of the history. */
export type StockHistory = {
  /** The next movements, of each sku in the order they were written. */
  readonly follow: (movements: readonly MovementRow[]) => void;
  /** All that was wrong in the history so far, and whether the stock is what it leads to. */
  readonly compare: (stock: readonly StockRow[]) => Finding[];
  /** The last movement of each sku so far. */
  readonly last: ReadonlyMap<string, number>;
};

/** What one unit does in each kind of movement. */
const moves: Readonly<Record<string, Stock>> = {
  initial: { onHand: 1, held: 0, committed: 0 },
  restock: { onHand: 1, held: 0, committed: 0 },
  hold: { onHand: -1, held: 1, committed: 0 },
  commit: { onHand: 0, held: -1, committed: 1 },
  release: { onHand: 1, held: -1, committed: 0 },
  return: { onHand: 1, held: 0, committed: -1 },
};

export function openStockHistory(): StockHistory {
  const broken: Finding[] = [];
  const running = new Map<string, Stock>();
  const supplied = new Map<string, number>();
  const last = new Map<string, number>();

  const follow = (movement: MovementRow): void => {
    const { sku, kind, quantity, movementId } = movement;
    const report = (detail: string) => broken.push({ invariant: 'stock', about: sku, detail });
    last.set(sku, movementId);
    const move = moves[kind];
    if (move === undefined) {
      report(`movement ${movementId} is of an unknown kind, ${kind}`);
      return;
    }
    const before = running.get(sku) ?? nothing;
    const due = places((place) => before[place] + move[place] * quantity);
    const what = `movement ${movementId} (${kind} ${quantity})`;
    if (!isSame(due, movement)) report(`after ${what} there must be ${worded(due)}, it says ${worded(movement)}`);
    if (due.onHand < 0 || due.held < 0 || due.committed < 0)
      report(`after ${what} there was less than nothing: ${worded(due)}`);
    running.set(sku, due);
    supplied.set(sku, (supplied.get(sku) ?? 0) + quantity * (move.onHand + move.held + move.committed));
  };

  return {
    follow: (movements) => movements.forEach(follow),
    compare: (stock) => {
      const findings = [...broken];
      const missing = new Set(running.keys());
      for (const { sku, ...now } of stock) {
        missing.delete(sku);
        const due = running.get(sku) ?? nothing;
        if (!isSame(due, now))
          findings.push({
            invariant: 'stock',
            about: sku,
            detail: `by its movements there must be ${worded(due)}, the stock says ${worded(now)}`,
          });
        const [units, all] = [now.onHand + now.held + now.committed, supplied.get(sku) ?? 0];
        if (units !== all)
          findings.push({ invariant: 'stock adds up', about: sku, detail: `${all} came in, ${units} are there` });
      }
      for (const sku of missing)
        findings.push({ invariant: 'stock', about: sku, detail: 'has movements, but no stock' });
      return findings;
    },
    last,
  };
}

const nothing: Stock = { onHand: 0, held: 0, committed: 0 };

/** Each reservation has moved exactly its lines, exactly as far as its status says. */
function compareReservationsWithMovements(books: Books): Finding[] {
  const findings: Finding[] = [];
  const report = (about: string, detail: string) => findings.push({ invariant: 'stock', about, detail });
  const movementsOf = Map.groupBy(books.movements.filter(isOfOrder), ({ orderId }) => orderId);
  for (const { orderId, status, lines } of books.reservations) {
    const movements = movementsOf.get(orderId) ?? [];
    movementsOf.delete(orderId);
    const kinds = new Set(movements.map(({ kind }) => kind));
    const expected = pathsTo[status];
    if (expected === undefined) report(orderId, `the reservation is ${status}`);
    else if (!expected.some((path) => path.size === kinds.size && [...path].every((kind) => kinds.has(kind)))) {
      report(orderId, `the reservation is ${status}, but its movements are ${[...kinds].join(', ') || 'none'}`);
    }
    for (const kind of kinds) {
      const moved = movements.filter((movement) => movement.kind === kind);
      if (totals(moved) !== totals(lines))
        report(orderId, `the reservation is of ${totals(lines)}, but its ${kind} moved ${totals(moved)}`);
    }
  }
  for (const orderId of movementsOf.keys()) report(orderId, 'has moved stock, but there is no reservation');
  return findings;
}

const pathsTo: Readonly<Record<string, readonly ReadonlySet<string>[]>> = {
  held: [new Set(['hold'])],
  committed: [new Set(['hold', 'commit'])],
  released: [new Set(['hold', 'release']), new Set(['hold', 'commit', 'return'])],
  rejected: [new Set()],
  tombstone: [new Set()],
};

/** Confirmed: exactly its lines are committed. Anything else: nothing is held or committed. */
function compareOrdersWithReservations(books: Books): Finding[] {
  const findings: Finding[] = [];
  const report = (about: string, detail: string) => findings.push({ invariant: 'stock', about, detail });
  const reservations = new Map(books.reservations.map((reservation) => [reservation.orderId, reservation]));
  for (const { orderId, status, lines } of books.orders) {
    const reservation = reservations.get(orderId);
    reservations.delete(orderId);
    if (reservation === undefined) report(orderId, `is ${status}, but inventory has no reservation of it`);
    else if (status === 'confirmed' && reservation.status !== 'committed')
      report(orderId, `is confirmed, but its stock is ${reservation.status}`);
    else if (status !== 'confirmed' && ['held', 'committed', 'unseen'].includes(reservation.status)) {
      report(orderId, `is ${status}, but its stock is ${reservation.status}`);
    } else if (reservation.lines.length > 0 && totals(reservation.lines) !== totals(lines)) {
      report(orderId, `is of ${totals(lines)}, but its reservation is of ${totals(reservation.lines)}`);
    }
  }
  for (const orderId of reservations.keys()) report(orderId, 'has a reservation, but there is no such order');
  return findings;
}

function places(quantityAt: (place: keyof Stock) => number): Stock {
  return { onHand: quantityAt('onHand'), held: quantityAt('held'), committed: quantityAt('committed') };
}

function isSame(one: Stock, other: Stock): boolean {
  return one.onHand === other.onHand && one.held === other.held && one.committed === other.committed;
}

function worded({ onHand, held, committed }: Stock): string {
  return `${onHand} on hand, ${held} held, ${committed} committed`;
}

function isOfOrder(movement: MovementRow): movement is MovementRow & { orderId: string } {
  return movement.orderId !== null;
}

/** The quantities by sku as one text, so that two lists can be compared. */
function totals(lines: readonly Quantity[]): string {
  const sums = new Map<string, number>();
  for (const { sku, quantity } of lines) sums.set(sku, (sums.get(sku) ?? 0) + quantity);
  return [...sums.entries()]
    .map(([sku, quantity]) => `${quantity} × ${sku}`)
    .toSorted()
    .join(', ');
}
