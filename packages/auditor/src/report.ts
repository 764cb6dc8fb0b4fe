import { guides, invariantNames } from './guide.ts';
import type { Invariant } from './invariants.ts';
import type { Counts, Verdict } from './look.ts';

/** What `npm run audit -- --json` prints. */
export type Report = {
  /** Nothing is broken; what is in flight is not judged yet. */
  readonly balanced: boolean;
  readonly counts: Counts;
  readonly invariants: readonly {
    readonly name: Invariant;
    /** What was compared, and how many of it. */
    readonly compared: Partial<Counts>;
    readonly findings: readonly { readonly about: string; readonly detail: string }[];
    /** Where to begin when it is broken. */
    readonly lookAt: string;
  }[];
  readonly inFlight: readonly { readonly about: string; readonly waitsFor: readonly string[] }[];
  /** What could not be read, and why. */
  readonly unread: readonly string[];
  /** Records of the topics that nobody can read, each with its place and why. */
  readonly unreadable: readonly string[];
  readonly seconds: number;
  readonly peakMemoryMb: number;
};

export function reportOn(verdict: Verdict, seconds: number): Report {
  const { findings, counts, inFlight, unread, unreadable } = verdict;
  return {
    balanced: findings.length === 0,
    counts,
    invariants: invariantNames.map((name) => ({
      name,
      compared: Object.fromEntries(guides[name].compared.map((what) => [what, counts[what]])),
      findings: findings.filter(({ invariant }) => invariant === name).map(({ about, detail }) => ({ about, detail })),
      lookAt: guides[name].lookAt,
    })),
    inFlight: inFlight.map(({ about, waitsFor }) => ({ about, waitsFor })),
    unread,
    unreadable,
    seconds: Math.round(seconds * 10) / 10,
    peakMemoryMb: Math.round(process.resourceUsage().maxRSS / 1_024),
  };
}

const shownMax = 10;

export function textOf({
  balanced,
  counts,
  invariants,
  inFlight,
  unread,
  unreadable,
  seconds,
  peakMemoryMb,
}: Report): string {
  const lines = invariants.flatMap(({ name, compared, findings, lookAt }) => [
    `${name.padEnd(38)}${(findings.length === 0 ? 'holds' : `BROKEN ${findings.length}×`).padEnd(12)}${worded(compared)}`,
    ...firstOf(findings.map(({ about, detail }) => `    ${about}  ${detail}`)),
    ...(findings.length === 0 ? [] : [`    look at ${lookAt}`]),
  ]);
  const moving = inFlight.map(({ about, waitsFor: [first, ...others] }) =>
    [`in flight  ${about}  ${first}`, ...(others.length > 0 ? [`and ${others.length} more`] : [])].join(', '),
  );
  const verdict =
    unread.length > 0 ? 'Not all could be read' : balanced ? 'The books balance' : 'The books do not balance';
  return [
    ...lines,
    ...firstOf(moving),
    ...firstOf(unreadable.map((what) => `unreadable  ${what}`)),
    ...unread.map((what) => `could not be read: ${what}`),
    `${verdict}: ${counts.orders} orders at rest, ${inFlight.length} in flight; ${seconds} s, ${peakMemoryMb} MB at most.`,
  ].join('\n');
}

const words: Readonly<Record<keyof Counts, string>> = {
  orders: 'orders',
  skus: 'skus',
  movements: 'stock movements',
  events: 'events in outboxes',
  records: 'records in topics',
  heard: 'entries in inboxes',
  ledger: 'ledger lines',
  refundedElsewhere: 'refunds by another way, as a person has said',
  mails: 'mails',
  keys: 'answers to keys',
  doors: 'doors tried',
};

function worded(compared: Partial<Counts>): string {
  return Object.entries(compared)
    .filter(([what, count]) => what !== 'refundedElsewhere' || count > 0)
    .map(([what, count]) => `${count} ${words[what as keyof Counts]}`)
    .join(', ');
}

function firstOf(lines: readonly string[]): string[] {
  const more = lines.length - shownMax;
  return [...lines.slice(0, shownMax), ...(more > 0 ? [`    … and ${more} more; --json lists all`] : [])];
}
