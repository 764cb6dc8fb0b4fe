import { parseArgs } from 'node:util';
import { findShop } from '@sagamart/stack/shop';
import { compareBooks } from './compare-books.ts';
import type { Finding } from './books.ts';
import { openBooks } from './open-books.ts';

const shownMax = 50;

const { values } = parseArgs({
  options: { json: { type: 'boolean', default: false }, 'wait-seconds': { type: 'string', default: '75' } },
});
const deadlineMs = Number(values['wait-seconds']) * 1_000;
if (!(deadlineMs >= 0)) throw new Error(`--wait-seconds must be a number of seconds, got ${values['wait-seconds']}`);

const books = await openBooks(await findShop());
try {
  const rest = await books.waitUntilAtRest({ deadlineMs });
  const read = await books.read();
  const stuck: Finding[] = rest.unmet.map((detail) => ({ invariant: 'stuck', about: 'shop', detail }));
  const findings = [...stuck, ...compareBooks(read)];
  const counts = {
    orders: read.orders.length,
    events: read.records.length,
    captures: read.ledger.length,
    mails: read.mails.length,
  };
  if (values.json) {
    console.log(JSON.stringify({ balanced: findings.length === 0, counts, findings }, null, 2));
  } else {
    for (const { invariant, about, detail } of findings.slice(0, shownMax))
      console.log(`${invariant.padEnd(14)} ${about}  ${detail}`);
    if (findings.length > shownMax) console.log(`… and ${findings.length - shownMax} more; --json lists all`);
    const looked = `${counts.orders} orders, ${counts.events} events, ${counts.captures} ledger entries, ${counts.mails} mails`;
    console.log(
      findings.length === 0
        ? `The books balance: ${looked}.`
        : `The books do not balance: ${findings.length} findings in ${looked}.`,
    );
  }
  process.exitCode = findings.length === 0 ? 0 : 1;
} finally {
  await books.close();
}
