import type { Books, Finding, MovementRow, Quantity, Stock } from './books.ts';

/** Invariant 3: no unit appears, disappears, is sold twice or is still held, at any moment of the history. */
export function compareStock(books: Books): Finding[] {
  return [
    ...compareMovementsWithStock(books),
    ...compareReservationsWithMovements(books),
    ...compareOrdersWithReservations(books),
  ];
}

/** What one unit does in each kind of movement. */
const moves: Readonly<Record<string, Stock>> = {
  initial: { onHand: 1, held: 0, committed: 0 },
  restock: { onHand: 1, held: 0, committed: 0 },
  hold: { onHand: -1, held: 1, committed: 0 },
  commit: { onHand: 0, held: -1, committed: 1 },
  release: { onHand: 1, held: -1, committed: 0 },
  return: { onHand: 1, held: 0, committed: -1 },
};

/** The running balances follow from the movements, never go below zero, and end at the stock there is. */
function compareMovementsWithStock(books: Books): Finding[] {
  const findings: Finding[] = [];
  const report = (about: string, detail: string) => findings.push({ invariant: 'stock', about, detail });
  const running = new Map<string, Stock>();
  for (const movement of books.movements) {
    const { sku, kind, quantity, movementId } = movement;
    const move = moves[kind];
    if (move === undefined) {
      report(sku, `movement ${movementId} is of an unknown kind, ${kind}`);
      continue;
    }
    const before = running.get(sku) ?? { onHand: 0, held: 0, committed: 0 };
    const due = places((place) => before[place] + move[place] * quantity);
    if (!isSame(due, movement))
      report(
        sku,
        `after movement ${movementId} (${kind} ${quantity}) there must be ${worded(due)}, it says ${worded(movement)}`,
      );
    if (due.onHand < 0 || due.held < 0 || due.committed < 0)
      report(sku, `after movement ${movementId} (${kind} ${quantity}) there was less than nothing: ${worded(due)}`);
    running.set(sku, due);
  }
  for (const stock of books.stock) {
    const due = running.get(stock.sku) ?? { onHand: 0, held: 0, committed: 0 };
    running.delete(stock.sku);
    if (!isSame(due, stock))
      report(stock.sku, `by its movements there must be ${worded(due)}, the stock says ${worded(stock)}`);
    if (stock.held !== 0) report(stock.sku, `${stock.held} units are still held`);
  }
  for (const sku of running.keys()) report(sku, 'has movements, but no stock');
  return findings;
}

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

/** Confirmed: exactly its lines are committed. Cancelled: nothing is held or committed. */
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
    else if (status === 'cancelled' && ['held', 'committed', 'unseen'].includes(reservation.status)) {
      report(orderId, `is cancelled, but its stock is ${reservation.status}`);
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
