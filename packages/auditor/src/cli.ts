import { parseArgs } from 'node:util';
import { findShop } from '@sagamart/stack/shop';
import { messageOf } from '@sagamart/stack/stack-problem';
import { runWhereDataIs } from '@sagamart/stack/target';
import type { Books, Finding } from './books.ts';
import { compareBooks, lastingFindings } from './compare-books.ts';
import { openBooks, type OpenBooks } from './open-books.ts';

const help = `npm run audit [-- --json] [--wait-seconds 75] [--target native|compose]
Waits until nothing is under way in the running shop, reads the four databases, the topics, the provider's ledger and the mail catcher,
and says what does not balance. Exit 0: all of it does; 1: something does not; 2: the books could not be read.`;

const shownMax = 50;

try {
  const options = readOptions();
  const program = { program: import.meta.filename, args: process.argv.slice(2) };
  process.exitCode = (await runWhereDataIs(program, options.target)) ?? (await auditHere(options));
} catch (error) {
  console.error(`The books could not be read: ${messageOf(error)}\n\n${help}`);
  process.exitCode = 2;
}

type Options = { json: boolean; deadlineMs: number; target: string | undefined };

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      'wait-seconds': { type: 'string', default: '75' },
      target: { type: 'string' },
    },
  });
  const deadlineMs = Number(values['wait-seconds']) * 1_000;
  if (!(deadlineMs >= 0)) throw new Error(`--wait-seconds must be a number of seconds, got ${values['wait-seconds']}.`);
  return { json: values.json, deadlineMs, target: values.target };
}

async function auditHere({ json, deadlineMs }: Options): Promise<number> {
  const { findings, books } = await audit(deadlineMs);
  (json ? printJson : printText)(findings, books);
  return findings.length === 0 ? 0 : 1;
}

async function audit(deadlineMs: number): Promise<{ findings: Finding[]; books: Books }> {
  const open = await openBooks(await findShop());
  try {
    const first = await lookAt(open, deadlineMs);
    if (first.stuck.length > 0 || first.findings.length === 0)
      return { findings: [...first.stuck, ...first.findings], books: first.books };
    const second = await lookAt(open, deadlineMs);
    return { findings: [...second.stuck, ...lastingFindings(first.findings, second.findings)], books: second.books };
  } finally {
    await open.close();
  }
}

async function lookAt(
  open: OpenBooks,
  deadlineMs: number,
): Promise<{ stuck: Finding[]; findings: Finding[]; books: Books }> {
  const { unmet } = await open.waitUntilAtRest({ deadlineMs });
  const books = await open.read();
  const stuck: Finding[] = unmet.map((detail) => ({ invariant: 'stuck', about: 'shop', detail }));
  return { stuck, findings: compareBooks(books), books };
}

function countsOf(books: Books): { orders: number; events: number; captures: number; mails: number } {
  const { orders, records, ledger, mails } = books;
  return { orders: orders.length, events: records.length, captures: ledger.length, mails: mails.length };
}

function printJson(findings: readonly Finding[], books: Books): void {
  console.log(JSON.stringify({ balanced: findings.length === 0, counts: countsOf(books), findings }, null, 2));
}

function printText(findings: readonly Finding[], books: Books): void {
  for (const { invariant, about, detail } of findings.slice(0, shownMax)) {
    console.log(`${invariant.padEnd(14)} ${about}  ${detail}`);
  }
  if (findings.length > shownMax) console.log(`… and ${findings.length - shownMax} more; --json lists all`);
  const { orders, events, captures, mails } = countsOf(books);
  const looked = `${orders} orders, ${events} events, ${captures} ledger entries, ${mails} mails`;
  const isBalanced = findings.length === 0;
  console.log(
    isBalanced
      ? `The books balance: ${looked}.`
      : `The books do not balance: ${findings.length} findings in ${looked}.`,
  );
}
