import { newId } from '@sagamart/contracts/ids';
import { cancelledId, confirmedId } from './balanced-books-fixture.ts';
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
    says: ['the payment notes 1 EUR, the provider 2400 EUR'],
    tamper: ({ payments }) => void (at(payments, 0).amountMinor = 1),
  },
  {
    title: 'a payment notes another capture',
    says: ['the payment notes capture cap_9, the provider cap_1'],
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
    says: ["the payment is captured, but the provider's ledger says declined"],
    tamper: ({ payments }) => void (at(payments, 1).status = 'captured'),
  },
  {
    title: 'a voided payment was captured all the same',
    about: confirmedId,
    says: ["the payment is voided, but the provider's ledger says captured"],
    tamper: ({ payments }) => void (at(payments, 0).status = 'voided'),
  },
  {
    title: 'the provider captured less',
    about: confirmedId,
    says: ['the provider has captured 2399 EUR', 'the payment notes 2400 EUR, the provider 2399 EUR'],
    tamper: ({ ledger }) => void (at(ledger, 0).amountMinor -= 1),
  },
  {
    title: 'the provider captured in another currency',
    about: confirmedId,
    says: ['the provider has captured 2400 USD', 'the payment notes 2400 EUR, the provider 2400 USD'],
    tamper: ({ ledger }) => void (at(ledger, 0).currency = 'USD'),
  },
  {
    title: 'the provider captured twice',
    about: confirmedId,
    says: ['the provider has captured 2 times', "has 2 entries in the provider's ledger"],
    tamper: ({ ledger }) => void ledger.push({ ...at(ledger, 0), captureId: 'cap_3', sequence: 3 }),
  },
  {
    title: 'the provider captured a cancelled order',
    about: cancelledId,
    says: [
      'is cancelled, but the provider has captured 1200 EUR',
      "the payment is declined, but the provider's ledger says captured",
    ],
    tamper: ({ ledger }) => void (at(ledger, 1).status = 'captured'),
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
    tamper: ({ ledger }) => void ledger.pop(),
  },
  {
    title: 'the provider captured for nobody',
    says: ["the provider's ledger has cap_1 of it, but there is no payment"],
    tamper: ({ ledger }) => void ledger.push({ ...at(ledger, 0), reference: newId() }),
  },
  {
    title: 'a capture went by another key',
    about: confirmedId,
    says: ['was captured under the key retry-2'],
    tamper: ({ ledger }) => void (at(ledger, 0).idempotencyKey = 'retry-2'),
  },
];

testTamperings(cases.map((each) => ({ ...each, finds: 'money' })));
