import { cpus, loadavg } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openBooks, type OpenBooks } from '@sagamart/auditor/open-books';
import { findShop } from '@sagamart/stack/shop';
import { messageOf } from '@sagamart/stack/stack-problem';
import { runWhereDataIs } from '@sagamart/stack/target';
import { startLoad, type Load, type Plan } from './load.ts';
import { measure, type Measurements, type Percentiles } from './measurements.ts';
import { positive } from './positive.ts';

const restDeadlineMs = 180_000;
const auditDeadlineMs = 10_000;
const findingsShownMax = 20;
const pollMs = 100;

const help = `npm run load -- --rate 20 --seconds 60 [--no-mail] [--target native|compose]
npm run load -- --full-speed --orders 1000 [--in-flight 32] [--no-mail] [--target native|compose]
Orders products of its own in the running shop as several guests, says how long it took and where the time went, waits until the shop is
at rest and audits it. Without mail when there are more than 20,000 orders: the mail catcher keeps each in memory, 30 kB.
Exit 0: all orders were accepted and the books balance; 1: not so; 2: the load could not be run.`;

try {
  const { plan, target, isTold } = readOptions();
  const program = { program: import.meta.filename, args: process.argv.slice(2) };
  process.exitCode = (await runWhereDataIs(program, target)) ?? ((await runAndJudge(plan, isTold)) ? 0 : 1);
} catch (error) {
  console.error(`The load could not be run: ${messageOf(error)}\n\n${help}`);
  process.exitCode = 2;
}

async function runAndJudge(plan: Plan, isTold: boolean): Promise<boolean> {
  const shop = await findShop();
  const books = await openBooks(shop);
  try {
    console.log(`${worded(plan)}; ${cpus().length} cores, load average before ${loadavg()[0]?.toFixed(1)}`);
    const load = await (await startLoad(shop, plan, { isTold })).over;
    const restAtMs = await waitForRest(books, load);
    const accepted = load.accepted.map(({ orderId }) => orderId);
    const { findings, inFlight, unread } = await books.settle({ deadlineMs: auditDeadlineMs, accepted });
    printResult(load, measure(load.accepted, books.moments()), restAtMs);
    for (const what of unread) console.log(`could not be read: ${what}`);
    for (const { about, waitsFor } of inFlight.slice(0, findingsShownMax))
      console.log(`not at rest: ${about} ${waitsFor.join(', ')}`);
    for (const { invariant, about, detail } of findings.slice(0, findingsShownMax))
      console.log(`${invariant}: ${about} ${detail}`);
    const isBalanced = unread.length === 0 && inFlight.length === 0 && findings.length === 0;
    console.log(
      isBalanced
        ? '\nEvery order is at rest and the books balance.'
        : `\nThe books do not balance: ${findings.length} findings.`,
    );
    return isBalanced && load.refusals.size === 0;
  } finally {
    await books.close();
  }
}

/** Resolves with the moment at which nothing of the load was under way any more, or at the deadline: then the audit says what is. */
async function waitForRest(books: OpenBooks, { startedAtMs }: Load): Promise<number> {
  const deadline = Date.now() + restDeadlineMs;
  for (;;) {
    const nowMs = performance.timeOrigin + performance.now();
    const unmet = await books.readUnmet({ fromMs: startedAtMs, beforeMs: nowMs });
    if (unmet.length === 0 || Date.now() > deadline) return nowMs;
    await pause(pollMs);
  }
}

function readOptions(): { plan: Plan; target: string | undefined; isTold: boolean } {
  const { values } = parseArgs({
    options: {
      rate: { type: 'string', default: '20' },
      seconds: { type: 'string', default: '60' },
      orders: { type: 'string', default: '1000' },
      'full-speed': { type: 'boolean', default: false },
      'in-flight': { type: 'string', default: '32' },
      'no-mail': { type: 'boolean', default: false },
      target: { type: 'string' },
    },
  });
  const { target } = values;
  const isTold = !values['no-mail'];
  if (!values['full-speed']) {
    const ratePerSecond = positive('--rate', values.rate);
    return { plan: { kind: 'steady', ratePerSecond, seconds: positive('--seconds', values.seconds) }, target, isTold };
  }
  const inFlight = positive('--in-flight', values['in-flight']);
  return { plan: { kind: 'full_speed', orders: positive('--orders', values.orders), inFlight }, target, isTold };
}

function worded(chosen: Plan): string {
  return chosen.kind === 'steady'
    ? `${chosen.ratePerSecond} orders/s for ${chosen.seconds} s`
    : `${chosen.orders} orders at full speed, ${chosen.inFlight} in flight`;
}

function printResult(load: Load, measured: Measurements, restAtMs: number): void {
  const { accepted, startedAtMs, sendingMs, refusals } = load;
  console.log(
    `\n${accepted.length} accepted (${perSecond(accepted.length, sendingMs)}), ${measured.confirmedCount} confirmed`,
  );
  if (measured.confirmedCount > 0) {
    const ms = measured.lastConfirmedAtMs - startedAtMs;
    console.log(
      `first sent → last confirmed ${(ms / 1_000).toFixed(1)} s (${perSecond(measured.confirmedCount, ms)}), → all at rest ${((restAtMs - startedAtMs) / 1_000).toFixed(1)} s`,
    );
  }
  for (const [refusal, count] of refusals) console.log(`refused ${count}×: ${refusal}`);
  console.log(`\n${'ms'.padEnd(42)}${['p50', 'p95', 'p99', 'max'].map((name) => name.padStart(8)).join('')}`);
  printRow('accepted: sent → answered with 202', measured.accepted);
  printRow('confirmed: sent → order.confirmed written', measured.confirmed);
  console.log('');
  for (const { what, where, spans } of measured.legs) printRow(what, spans, where);
}

function printRow(name: string, { p50, p95, p99, max }: Percentiles, where = ''): void {
  console.log(
    `${name.padEnd(42)}${[p50, p95, p99, max].map((value) => value.toFixed(1).padStart(8)).join('')}  ${where}`.trimEnd(),
  );
}

function perSecond(count: number, ms: number): string {
  return `${((count * 1_000) / ms).toFixed(1)}/s`;
}
