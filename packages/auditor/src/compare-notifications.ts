import type { Books, Finding } from './books.ts';
import { orderIdOfMail } from './outside-world.ts';

/** Invariant 4: one notification per order and outcome, and what was sent arrived at the mail server. */
export function compareNotifications(books: Books): Finding[] {
  const findings: Finding[] = [];
  const report = (about: string, detail: string) => findings.push({ invariant: 'told_once', about, detail });
  const decided = outcomesOf(books);
  const orders = new Map(books.orders.map((order) => [order.orderId, order]));
  const mails = new Set(books.mails);
  const told = new Set<string>();
  const messageIds = new Set<string>();

  for (const { orderId, outcome, status, messageId } of books.notifications) {
    const subject = `${orderId} ${outcome}`;
    if (told.has(subject)) report(orderId, `has two notifications of being ${outcome}`);
    told.add(subject);
    if (!decided.has(subject)) report(orderId, `has a notification of being ${outcome}, which was never decided`);
    if (status === 'pending') report(orderId, `the notification of being ${outcome} was not sent`);
    const hasAddress = orders.get(orderId)?.hasAddress;
    if (hasAddress === true && status === 'no_address')
      report(orderId, `nobody was told of being ${outcome}, though the order has an address`);
    if (hasAddress === false && status !== 'no_address')
      report(orderId, `the notification of being ${outcome} has an address, the order has none`);
    if (status === 'no_address') continue;
    messageIds.add(messageId);
    if (status === 'sent' && !mails.has(messageId))
      report(orderId, `the mail ${messageId} is marked sent, but the mail server never got it`);
  }
  for (const subject of decided) {
    const [orderId = '', outcome = ''] = subject.split(' ');
    if (!told.has(subject)) report(orderId, `was ${outcome}, but there is no notification of it`);
  }
  for (const messageId of mails) {
    if (messageId.endsWith('@sagamart.example') && !messageIds.has(messageId)) {
      report(orderIdOfMail(messageId), `the mail server got ${messageId}, but there is no notification of it`);
    }
  }
  return findings;
}

/** Each `<order id> <outcome>` that the order service decided, by its events and by its rows. */
function outcomesOf(books: Books): Set<string> {
  const decided = new Set<string>();
  for (const { key, type } of books.messages.order.outbox) {
    if (type === 'order.confirmed') decided.add(`${key} confirmed`);
    if (type === 'order.cancelled') decided.add(`${key} cancelled`);
  }
  for (const { orderId, status, wasConfirmed } of books.orders) {
    if (status !== 'pending') decided.add(`${orderId} ${status}`);
    // Its event may be older than the outbox remembers.
    if (wasConfirmed) decided.add(`${orderId} confirmed`);
  }
  return decided;
}
