/** A service, the state of its row, and the event that reaches it. */
export type Pair = string;

export function pairOf(service: string, state: string, event: string): Pair {
  return `${service} ${state} ${event}`;
}

export type PairDifferences = {
  /** Called unreachable, yet met: the message would be parked in a healthy shop. */
  readonly met: readonly Pair[];
  /** Never met, yet not called unreachable. */
  readonly unwritten: readonly Pair[];
};

/** Compares the pairs that were written down as unreachable with those of `every` pair that an exploration never met. */
export function comparePairs(
  written: ReadonlySet<Pair>,
  { every, met }: { every: ReadonlySet<Pair>; met: ReadonlySet<Pair> },
): PairDifferences {
  return {
    met: [...written].filter((pair) => met.has(pair)),
    unwritten: [...every].filter((pair) => !met.has(pair) && !written.has(pair)),
  };
}

/** Where the tables are that the services' decision code is written down in. */
export const checkoutTables = new URL('../../../docs/checkout.md', import.meta.url);

/**
 * The pairs in the tables of docs/checkout.md: those called unreachable, and those that change or say something. The rest changes nothing:
 * the answer to an event that comes a second time, which the inbox keeps away.
 */
export function readWrittenPairs(document: string): { unreachable: ReadonlySet<Pair>; changing: ReadonlySet<Pair> } {
  const unreachable = new Set<Pair>();
  const changing = new Set<Pair>();
  let service = '';
  let states: string[] = [];
  for (const line of document.split('\n')) {
    const [first = '', ...cells] = line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim());
    const hears = /^(\w+) hears/.exec(first)?.[1];
    if (hears !== undefined) {
      service = hears;
      states = cells;
    }
    const event = /^`([a-z.]+)`$/.exec(first)?.[1];
    if (event === undefined) continue;
    for (const [index, state] of states.entries()) {
      const cell = cells[index] ?? '';
      if (cell === 'unreachable') unreachable.add(pairOf(service, state, event));
      else if (cell !== state.split(' ')[0]) changing.add(pairOf(service, state, event));
    }
  }
  return { unreachable, changing };
}
