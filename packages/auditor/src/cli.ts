import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { findShop } from '@sagamart/stack/shop';
import { messageOf } from '@sagamart/stack/stack-problem';
import { runWhereDataIs } from '@sagamart/stack/target';
import type { Verdict } from './look.ts';
import { openBooks, type OpenBooks } from './open-books.ts';
import { reportOn, textOf, type Report } from './report.ts';
import { changesOf, watchBooks } from './watch.ts';

const help = `npm run audit [-- --json] [--wait-seconds 10] [--settle-seconds 60] [--target native|compose]
npm run audit -- --watch [--json]
Reads the four databases, the topics, the provider's ledger and the mail catcher of the running shop, judges every order that is at rest, and lists
the others, for which it waits first. One that is not at rest so long after it had to be is stuck. --watch goes on until Ctrl-C, reads only what is
new and says what changes. Exit 0: nothing is broken; 1: something is; 2: the books could not be read.`;

try {
  const options = readOptions();
  const program = { program: import.meta.filename, args: process.argv.slice(2) };
  process.exitCode = (await runWhereDataIs(program, options.target)) ?? (await auditHere(options));
} catch (error) {
  console.error(`The books could not be read: ${messageOf(error)}\n\n${help}`);
  process.exitCode = 2;
}

type Options = { json: boolean; watch: boolean; deadlineMs: number; settleMs: number; target: string | undefined };

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      watch: { type: 'boolean', default: false },
      'wait-seconds': { type: 'string', default: '10' },
      'settle-seconds': { type: 'string', default: process.env.AUDIT_SETTLE_SECONDS ?? '60' },
      target: { type: 'string' },
    },
  });
  const { json, watch, target } = values;
  return { json, watch, target, deadlineMs: milliseconds('wait'), settleMs: milliseconds('settle') };

  function milliseconds(what: 'wait' | 'settle'): number {
    const ms = Number(values[`${what}-seconds`]) * 1_000;
    if (ms >= 0) return ms;
    throw new Error(`--${what}-seconds must be a number of seconds, got ${values[`${what}-seconds`]}.`);
  }
}

async function auditHere({ json, watch, deadlineMs, settleMs }: Options): Promise<number> {
  const startedAtMs = performance.now();
  const books = await openBooks(await findShop(), { settleMs });
  try {
    const verdict = watch ? await watchUntilStopped(books, json) : await books.settle({ deadlineMs });
    const report = reportOn(verdict, (performance.now() - startedAtMs) / 1_000);
    console.log(json ? JSON.stringify(report, null, watch ? 0 : 2) : textOf(report));
    return exitCodeOf(report);
  } finally {
    await books.close();
  }
}

function exitCodeOf({ balanced, unread }: Report): number {
  if (!balanced) return 1;
  return unread.length === 0 ? 0 : 2;
}

async function watchUntilStopped(books: OpenBooks, json: boolean): Promise<Verdict> {
  let before: Verdict | undefined;
  const watch = watchBooks(books, {
    onLook: (verdict) => {
      const at = new Date().toISOString();
      for (const change of changesOf(before, verdict))
        console.log(json ? JSON.stringify({ at, change }) : `${at}  ${change}`);
      if (before === undefined && !json)
        console.log(
          `${at}  ${verdict.counts.orders} orders at rest, ${verdict.inFlight.length} in flight; Ctrl-C ends the watch`,
        );
      before = verdict;
    },
  });
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  return (await watch.stop()).verdict;
}
