import { rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openBooks, type OpenBooks } from '@sagamart/auditor/open-books';
import { addPart } from '@sagamart/stack/added-parts';
import { makeHome } from '@sagamart/stack/home';
import { ourParts } from '@sagamart/stack/part';
import { readSettings } from '@sagamart/stack/settings';
import { readShopStatus, type Shop, startShop, stopShop } from '@sagamart/stack/shop';
import { messageOf } from '@sagamart/stack/stack-problem';
import { cpuMsOfTree } from '@sagamart/stack/usage';
import { startLoad } from './load.ts';
import { percentiles } from './measurements.ts';
import { positive } from './positive.ts';

const help = `npm run tracing-cost [-- --rounds 5] [--orders 300]
The processor time of an order with every span sent to Jaeger and without any. Two shops are open all the while and take turns, so that both have the
same machine. Exit 0: within the bound; 1: not so; 2: it was asked for something else.`;

const costMax = 0.2;
const inFlight = 16;
/** A service is compiled while it runs: its first orders cost more than all others. */
const warmUpOrders = 1_000;
const restDeadlineMs = 120_000;
/** When the shop is at rest, its last spans are still to be sent, a second later. */
const lastSpansMs = 2_000;
const portOffsets = { untraced: 5_000, traced: 5_600 };

type Way = keyof typeof portOffsets;
type Open = { readonly shop: Shop; readonly books: OpenBooks };
/** Milliseconds of processor time an order, by part, and the orders accepted in a second. */
type Figures = ReadonlyMap<string, number>;
const accepted = 'accepted/s';
const all = 'all of ours';

const { rounds, ordersARound } = readOptions();
// Another collector, or less than all, is not what is measured here.
for (const name of ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_TRACES_SAMPLER']) delete process.env[name];
const loadBefore = loadavg()[0]?.toFixed(1);
const shops = { untraced: await open('untraced'), traced: await open('traced') };
const measured: Record<Way, Figures>[] = [];
for (const shop of Object.values(shops)) await measureLoad(shop, warmUpOrders);
for (let round = 1; round <= rounds; round += 1) {
  const figures = {
    untraced: await measureLoad(shops.untraced, ordersARound),
    traced: await measureLoad(shops.traced, ordersARound),
  };
  console.log(`round ${round}: ${worded(ratioOf(figures, all))}`);
  measured.push(figures);
}
await Promise.all(Object.values(shops).map(close));

console.log(`
${rounds} rounds of ${ordersARound} orders each, ${inFlight} in flight; ${cpus().length} cores, load average before ${loadBefore}. Medians.
${'ms of processor time an order'.padEnd(30)}untraced    traced      more`);
for (const what of [...ourParts, all, accepted]) {
  const [untraced, traced] = (['untraced', 'traced'] as const).map((way) =>
    percentiles(measured.map((round) => figure(round[way], what)))
      .p50.toFixed(1)
      .padStart(8),
  );
  console.log(`${what.padEnd(30)}${untraced}  ${traced}  ${worded(costOf(what)).padStart(8)}`);
}
console.log(
  `Jaeger itself takes ${percentiles(measured.map(({ traced }) => figure(traced, 'jaeger'))).p50.toFixed(1)} ms an order.`,
);
process.exitCode = costOf(all) <= costMax ? 0 : 1;

function readOptions(): { rounds: number; ordersARound: number } {
  try {
    const { values } = parseArgs({
      options: { rounds: { type: 'string', default: '5' }, orders: { type: 'string', default: '300' } },
    });
    return { rounds: positive('--rounds', values.rounds), ordersARound: positive('--orders', values.orders) };
  } catch (error) {
    console.error(`${messageOf(error)}\n\n${help}`);
    return process.exit(2);
  }
}

async function open(way: Way): Promise<Open> {
  const home = join(tmpdir(), `sagamart-cost-${process.pid}-${way}`);
  makeHome(home);
  const say = (detail: string): void => console.log(detail);
  if (way === 'traced') await addPart({ ...readSettings(), home }, 'jaeger', say, new AbortController().signal);
  const { shop } = await startShop({ home, portOffset: portOffsets[way] });
  return { shop, books: await openBooks(shop) };
}

async function close({ shop, books }: Open): Promise<void> {
  await books.close();
  await stopShop(shop.home);
  rmSync(shop.home, { recursive: true });
}

/** From the first order sent until all of them are at rest and have been told of. */
async function measureLoad({ shop, books }: Open, orders: number): Promise<Figures> {
  const load = await startLoad(shop, { kind: 'full_speed', orders, inFlight });
  const before = await readCpu(shop);
  const { accepted: sent, sendingMs } = await load.over;
  const orderIds = sent.map(({ orderId }) => orderId);
  const { findings, inFlight: moving } = await books.settle({ deadlineMs: restDeadlineMs, accepted: orderIds });
  if (orderIds.length < orders || moving.length > 0 || findings.length > 0)
    throw new Error(
      `expected ${orders} orders at rest: ${orderIds.length} accepted, ${moving.length} moving, ${findings.length} findings`,
    );
  await pause(lastSpansMs);
  const after = await readCpu(shop);
  const perOrder = [...after].map(([name, ms]) => [name, (ms - (before.get(name) ?? 0)) / orders] as const);
  const figures = new Map<string, number>([...perOrder, [accepted, (orders * 1_000) / sendingMs]]);
  return figures.set(
    all,
    ourParts.reduce((sum, name) => sum + figure(figures, name), 0),
  );
}

async function readCpu({ home }: Shop): Promise<Figures> {
  const { parts } = await readShopStatus(home);
  return new Map(parts.flatMap(({ name, pid }) => (pid === undefined ? [] : [[name, cpuMsOfTree(pid)] as const])));
}

function figure(figures: Figures, what: string): number {
  const value = figures.get(what);
  if (value === undefined)
    throw new Error(`expected a figure for ${what}; there are ${[...figures.keys()].join(', ')}`);
  return value;
}

/** The median of what tracing added in each round: a moment at which the machine was busy is in both halves of one. */
function costOf(what: string): number {
  return percentiles(measured.map((round) => ratioOf(round, what))).p50;
}

function ratioOf({ untraced, traced }: Record<Way, Figures>, what: string): number {
  return figure(traced, what) / figure(untraced, what) - 1;
}

function worded(ratio: number): string {
  return `${ratio < 0 ? '' : '+'}${(ratio * 100).toFixed(1)} %`;
}
