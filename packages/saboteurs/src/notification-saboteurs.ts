import type { Saboteur } from './saboteur.ts';

/** What makes a customer hear of an order, and be able to tell a repetition from news. */
export const notificationSaboteurs: readonly Saboteur[] = [
  {
    name: 'sent-is-received',
    removes: "the mail server's word: what was sent counts as received",
    where: 'notification',
    changes: [
      {
        file: 'services/notification/src/delivery.ts',
        remove: 'return { claim, error };',
        instead: 'return { claim, sentAt: clock.now() };',
      },
    ],
    scene: 'the mail server is down',
    breaks: ['told_once'],
    story: 'The mail server was down, nobody tries again, and the customer is never told.',
  },
  {
    name: 'new-message-id-each-mail',
    removes: 'the Message-ID that is the same for every attempt',
    where: 'notification',
    changes: [
      {
        file: 'services/notification/src/notification.ts',
        remove: 'return `${orderId}.${outcome}@sagamart.example`;',
        instead: 'return `${orderId}.${outcome}.${crypto.randomUUID()}@sagamart.example`;',
      },
    ],
    scene: 'business as usual',
    breaks: ['told_once'],
    story: 'A mail that arrives twice can no longer be told from two mails.',
  },
];
