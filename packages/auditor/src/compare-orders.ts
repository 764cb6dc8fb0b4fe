import type { Books, Door, Finding } from './books.ts';

/** Invariant 1: every order is decided, says so in its last event, and every order id a client was given exists. */
export function compareOutcomes(books: Books, acceptedOrderIds: Iterable<string> = []): Finding[] {
  const findings: Finding[] = [];
  const orderIds = new Set(books.orders.map(({ orderId }) => orderId));
  // By version, not by id: the time in an id is a clock's, and clocks are set back.
  const lastSaid = new Map<string, { type: string; version: number }>();
  for (const { key, type, topic, version } of books.messages.order.outbox)
    if (topic === 'order.events' && version > (lastSaid.get(key)?.version ?? 0)) lastSaid.set(key, { type, version });

  for (const { orderId, status } of books.orders) {
    if (status === 'pending') findings.push({ invariant: 'terminal', about: orderId, detail: 'is still pending' });
    const said = lastSaid.get(orderId)?.type;
    const expected = status === 'pending' ? 'order.placed' : `order.${status}`;
    if (said !== undefined && said !== expected) {
      findings.push({
        invariant: 'terminal',
        about: orderId,
        detail: `is ${status}, but the last thing said of it is ${said}`,
      });
    }
  }
  for (const orderId of lastSaid.keys()) {
    if (!orderIds.has(orderId))
      findings.push({ invariant: 'terminal', about: orderId, detail: 'was placed, but there is no such order' });
  }
  for (const orderId of acceptedOrderIds) {
    if (!orderIds.has(orderId))
      findings.push({
        invariant: 'terminal',
        about: orderId,
        detail: 'was answered with 202, but there is no such order',
      });
  }
  return findings;
}

/** Invariant 9: accepted order keys and orders pair off, one to one. */
export function compareKeys(books: Books): Finding[] {
  const findings: Finding[] = [];
  const orderIds = new Set(books.orders.map(({ orderId }) => orderId));
  const keyed = new Set<string>();
  for (const { key, orderId } of books.orderKeys) {
    if (keyed.has(orderId))
      findings.push({ invariant: 'keys', about: orderId, detail: `is the answer to two keys, one of them ${key}` });
    keyed.add(orderId);
    if (!orderIds.has(orderId))
      findings.push({
        invariant: 'keys',
        about: orderId,
        detail: `is the answer to key ${key}, but there is no such order`,
      });
  }
  for (const orderId of orderIds) {
    if (!keyed.has(orderId)) findings.push({ invariant: 'keys', about: orderId, detail: 'is the answer to no key' });
  }
  return findings;
}

/** Invariant 10: no role opens another service's database. */
export function compareDoors(doors: readonly Door[]): Finding[] {
  return doors
    .filter(({ open }) => open)
    .map(({ service, role }) => ({ invariant: 'walls', about: service, detail: `its database lets ${role} in` }));
}
