import { newId } from '@sagamart/contracts/ids';
import { cancelledId, confirmedId, refundedId, voidedId } from './balanced-books-fixture.ts';
import { at, testTamperings, type Tampering } from './tampering-fixture.ts';

type Case = Omit<Tampering, 'finds'>;

const cases: Case[] = [
  {
    title: 'an order totals more than was captured',
    about: confirmedId,
    says: [
      'totals 2401 EUR, but the provider has captured 2400 EUR',
      'totals 2401 EUR, but its payment is about 2400 EUR',
    ],
    tamper: ({ orders }) => void (at(orders, 0).totalMinor += 1),
  },
  {
    title: 'an order is in another currency than its payment',
    about: confirmedId,
    says: [
      'totals 2400 USD, but the provider has captured 2400 EUR',
      'totals 2400 USD, but its payment is about 2400 EUR',
    ],
    tamper: ({ orders }) => void (at(orders, 0).currency = 'USD'),
  },
  {
    title: 'a declined payment is of another amount than its order',
    about: cancelledId,
    says: ['its payment is about 1 EUR'],
    tamper: ({ payments }) => void (at(payments, 1).amountMinor = 1),
  },
  {
    title: 'a payment notes another amount than was captured',
    about: confirmedId,
    says: ["the payment notes 1 EUR, the provider's capture 2400 EUR"],
    tamper: ({ payments }) => void (at(payments, 0).amountMinor = 1),
  },
  {
    title: 'a payment notes another capture',
    says: ["the payment notes capture cap_9, the provider's capture cap_1"],
    tamper: ({ payments }) => void (at(payments, 0).captureId = 'cap_9'),
  },
  {
    title: 'a payment row is gone',
    about: confirmedId,
    says: ['has no payment row'],
    tamper: ({ payments }) => void payments.shift(),
  },
  {
    title: 'a payment is of no order',
    says: ['has a payment, but there is no such order'],
    tamper: ({ payments }) => void payments.push({ ...at(payments, 1), orderId: newId(), status: 'voided' }),
  },
  {
    title: 'a declined payment says captured',
    about: cancelledId,
    says: ["the payment is captured, but the provider's ledger has decline"],
    tamper: ({ payments }) => void (at(payments, 1).status = 'captured'),
  },
  {
    title: 'a voided payment was captured all the same',
    about: confirmedId,
    says: ["the payment is voided, but the provider's ledger has capture"],
    tamper: ({ payments }) => void (at(payments, 0).status = 'voided'),
  },
  {
    title: 'the provider captured less',
    about: confirmedId,
    says: ['the provider has captured 2399 EUR', "the payment notes 2400 EUR, the provider's capture 2399 EUR"],
    tamper: ({ ledger }) => void (at(ledger, 0).amountMinor = 2_399),
  },
  {
    title: 'the provider captured in another currency',
    about: confirmedId,
    says: ['the provider has captured 2400 USD', "the payment notes 2400 EUR, the provider's capture 2400 USD"],
    tamper: ({ ledger }) => void (at(ledger, 0).currency = 'USD'),
  },
  {
    title: 'the provider captured twice',
    about: confirmedId,
    says: [
      'the provider has captured 2 times',
      "the payment is captured, but the provider's ledger has capture, capture",
    ],
    tamper: ({ ledger }) => void ledger.push({ ...at(ledger, 0), captureId: 'cap_6', sequence: 6 }),
  },
  {
    title: 'the provider captured a cancelled order',
    about: cancelledId,
    says: [
      'is cancelled, but the provider has captured 1200 EUR and refunded 0',
      "the payment is declined, but the provider's ledger has capture",
    ],
    tamper: ({ ledger }) => void (at(ledger, 1).kind = 'capture'),
  },
  {
    title: 'the provider knows nothing of a capture',
    about: confirmedId,
    says: [
      'the provider has captured nothing',
      "the payment is captured, but the provider's ledger has no entry of it",
    ],
    tamper: ({ ledger }) => void ledger.shift(),
  },
  {
    title: 'the provider knows nothing of a decline',
    about: cancelledId,
    says: ["the payment is declined, but the provider's ledger has no entry of it"],
    tamper: ({ ledger }) => void ledger.splice(1, 1),
  },
  {
    title: 'the provider captured for nobody',
    says: ["the provider's ledger has a capture of it"],
    tamper: ({ ledger }) => void ledger.push({ ...at(ledger, 0), reference: newId() }),
  },
  {
    title: 'a capture went by another key',
    about: confirmedId,
    says: ['the capture went by the key retry-2'],
    tamper: ({ ledger }) => void (at(ledger, 0).key = 'retry-2'),
  },
  {
    title: 'a refund never reached the provider',
    about: refundedId,
    says: [
      'is cancelled, but the provider has captured 1200 EUR and refunded 0',
      "the payment is refunded, but the provider's ledger has capture",
    ],
    tamper: ({ ledger }) => void ledger.splice(3, 1),
  },
  {
    title: 'the provider refunded less',
    about: refundedId,
    says: [
      'is cancelled, but the provider has captured 1200 EUR and refunded 1199',
      "the payment notes 1200 EUR, the provider's refund 1199 EUR",
    ],
    tamper: ({ ledger }) => void (at(ledger, 3).amountMinor = 1_199),
  },
  {
    title: 'the provider refunded twice',
    about: refundedId,
    says: ['the provider has refunded 2 times', 'the provider has refunded 2400, but captured only 1200'],
    tamper: ({ ledger }) => void ledger.push({ ...at(ledger, 3), sequence: 6 }),
  },
  {
    title: 'a confirmed order was refunded',
    about: confirmedId,
    says: ['is confirmed, but the provider has refunded 1200 EUR'],
    tamper: ({ ledger }) =>
      void ledger.push({ ...at(ledger, 3), key: `refund-${confirmedId}`, reference: confirmedId, captureId: 'cap_1' }),
  },
  {
    title: 'a refund was of another capture',
    about: refundedId,
    says: ["the payment notes capture cap_3, the provider's refund cap_1"],
    tamper: ({ ledger }) => void (at(ledger, 3).captureId = 'cap_1'),
  },
  {
    title: 'a refund went by another key',
    about: refundedId,
    says: [`the refund went by the key refund-again, not refund-${refundedId}`],
    tamper: ({ ledger }) => void (at(ledger, 3).key = 'refund-again'),
  },
  {
    title: 'a refund went by another key, and was taken over from the books, but another one',
    about: refundedId,
    says: [
      `the refund went by the key refund-again, not refund-${refundedId}`,
      'the payment notes refund ref_9, the provider ref_4',
    ],
    tamper: ({ ledger, payments }) => {
      at(ledger, 3).key = 'refund-again';
      Object.assign(at(payments, 2), { settledBy: 'books', refundId: 'ref_9' });
    },
  },
  {
    title: 'a refund that was found in the books is not there',
    about: refundedId,
    says: [
      'is cancelled, but the provider has captured 1200 EUR and refunded 0',
      "the payment is refunded, but the provider's ledger has capture",
    ],
    tamper: ({ ledger, payments }) => {
      ledger.splice(3, 1);
      at(payments, 2).settledBy = 'books';
    },
  },
  {
    title: 'a refunded payment says it was voided',
    about: refundedId,
    says: [
      "the payment is voided, but the provider's ledger has capture, refund",
      'the payment is voided, but the last thing said of it is payment.refunded',
    ],
    tamper: ({ payments }) => void (at(payments, 2).status = 'voided'),
  },
  {
    title: 'a payment notes another refund',
    about: refundedId,
    says: ['the payment notes refund ref_9, the provider ref_4'],
    tamper: ({ payments }) => void (at(payments, 2).refundId = 'ref_9'),
  },
  {
    title: 'a refunded payment forgot its refund',
    about: refundedId,
    says: ['is refunded without a refund'],
    tamper: ({ payments }) => void (at(payments, 2).refundId = null),
  },
  {
    title: 'a refunded payment forgot what was captured',
    about: refundedId,
    says: ['is refunded without a capture'],
    tamper: ({ payments }) => void (at(payments, 2).captureId = null),
  },
  {
    title: 'a voided capture was captured all the same',
    about: voidedId,
    says: [
      'is cancelled, but the provider has captured 1200 EUR and refunded 0',
      "the payment is voided, but the provider's ledger has void, capture",
    ],
    tamper: ({ ledger }) => void ledger.push({ ...at(ledger, 2), key: `capture-${voidedId}`, reference: voidedId }),
  },
  {
    title: 'a capture was forbidden without a word',
    about: voidedId,
    says: ['the payment is voided, but the last thing said of it is nothing'],
    tamper: ({ messages }) => void messages.payment.outbox.pop(),
  },
  {
    title: 'a void was of no payment',
    says: ["the provider's ledger has a void of it (capture-lost), but there is no payment"],
    tamper: ({ ledger }) => void (at(ledger, 4).key = 'capture-lost'),
  },
];

testTamperings(cases.map((each) => ({ ...each, finds: 'money' })));
