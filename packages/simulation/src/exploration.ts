import type { Breach } from './invariants.ts';

/** What is explored: worlds, told apart by their keys, and the steps between them. */
export type Model<World, Step> = {
  readonly beginnings: readonly World[];
  readonly encode: (world: World) => string;
  readonly decode: (key: string) => World;
  /** Visits every step that can come next. A step that leads back to the same world object changes nothing. */
  readonly next: (world: World, visit: Visit<World, Step>) => void;
  /** Whether a step comes sooner or later. Of what may as well never happen, no good end may depend. */
  readonly isBoundToCome: (step: Step) => boolean;
  readonly alwaysBreaches: (world: World) => readonly Breach[];
  readonly isQuiet: (world: World) => boolean;
  readonly restBreaches: (world: World) => readonly Breach[];
  readonly tell: (step: Step, before: World, after: World) => string;
  readonly tellBeginning: (world: World) => string;
};

export type Visit<World, Step> = (step: Step, after: World, breach: Breach | null) => void;

export type Exploration = {
  readonly states: number;
  readonly transitions: number;
  /** Transitions that lead back to where they began: what came again and was known, a wish refused. */
  readonly loops: number;
  readonly quiet: number;
  readonly broken: Broken | null;
};

/** A rule that does not hold, and the shortest story that shows it. */
export type Broken = { readonly breach: Breach; readonly story: readonly string[] };

/** Far above what the bounds reach: an exploration that gets here has lost a bound. */
const statesMax = 12_000_000;

/**
 * Visits every reachable world, breadth first, and checks each; then goes back from the quiet ends to see that one stays reachable from
 * everywhere, without the help of chance or of the customer. Ends at the first rule that is broken.
 */
export function explore<World, Step>(model: Model<World, Step>): Exploration {
  const keys: string[] = [];
  const numbers = new Map<string, number>();
  const parents = new IntegerList();
  const edges = new IntegerList();
  const edgesEnd = new IntegerList();
  const quiet: number[] = [];
  let transitions = 0;
  let loops = 0;
  const broken: Broken[] = [];

  for (const world of model.beginnings) arrive(world, model.encode(world), -1);
  for (let number = 0; number < keys.length && broken.length === 0; number++) {
    const before = model.decode(keyOf(number));
    model.next(before, (step, after, breach) => {
      transitions++;
      if (breach !== null) broken.push({ breach, story: [...storyTo(number), model.tell(step, before, after)] });
      if (after === before) {
        loops++;
      } else {
        const key = model.encode(after);
        const to = numbers.get(key) ?? arrive(after, key, number);
        if (model.isBoundToCome(step)) edges.push(to);
      }
    });
    edgesEnd.push(edges.length);
  }
  const firstBroken = broken[0] ?? findDeadEnd();
  return { states: keys.length, transitions, loops, quiet: quiet.length, broken: firstBroken };

  function arrive(world: World, key: string, parent: number): number {
    const number = keys.push(key) - 1;
    if (number >= statesMax) throw new RangeError(`more than ${statesMax} states: tighten the bounds`);
    numbers.set(key, number);
    parents.push(parent);
    const isQuiet = model.isQuiet(world);
    if (isQuiet) quiet.push(number);
    const [breach] = [...model.alwaysBreaches(world), ...(isQuiet ? model.restBreaches(world) : [])];
    if (breach !== undefined) broken.push({ breach, story: storyTo(number) });
    return number;
  }

  /** The first world from which no quiet one is reached by what is bound to come. */
  function findDeadEnd(): Broken | null {
    const isGood = new Uint8Array(keys.length);
    for (const number of quiet) isGood[number] = 1;
    const into = edgesInto();
    const todo = [...quiet];
    for (let number = todo.pop(); number !== undefined; number = todo.pop()) {
      for (let at = into.begin[number] ?? 0; at < (into.begin[number + 1] ?? 0); at++) {
        const from = into.from[at] ?? 0;
        if (isGood[from] === 1) continue;
        isGood[from] = 1;
        todo.push(from);
      }
    }
    const deadEnd = isGood.indexOf(0);
    return deadEnd === -1 ? null : { breach: 'a good end stays reachable', story: storyTo(deadEnd) };
  }

  /** The edges turned round: those into world n come from `from[begin[n]]` up to `from[begin[n + 1]]`. */
  function edgesInto(): { begin: Int32Array; from: Int32Array } {
    const begin = new Int32Array(keys.length + 1);
    for (let at = 0; at < edges.length; at++) increase(begin, edges.at(at) + 1);
    for (let number = 0; number < keys.length; number++)
      begin[number + 1] = (begin[number + 1] ?? 0) + (begin[number] ?? 0);
    const free = begin.slice();
    const from = new Int32Array(edges.length);
    for (let number = 0, at = 0; number < keys.length; number++) {
      for (; at < edgesEnd.at(number); at++) from[increase(free, edges.at(at))] = number;
    }
    return { begin, from };
  }

  function storyTo(last: number): string[] {
    const path: number[] = [];
    for (let number = last; number !== -1; number = parents.at(number)) path.unshift(number);
    return path.map((number, index) => {
      const parent = path[index - 1];
      return parent === undefined ? model.tellBeginning(model.decode(keyOf(number))) : tellStep(parent, number);
    });
  }

  function tellStep(from: number, to: number): string {
    const before = model.decode(keyOf(from));
    const told: string[] = [];
    model.next(before, (step, after) => {
      if (after !== before && model.encode(after) === keyOf(to)) told.push(model.tell(step, before, after));
    });
    return told[0] ?? 'a step that cannot be found again';
  }

  function keyOf(number: number): string {
    return keys[number] ?? '';
  }
}

/** Adds one and returns what was there before. */
function increase(numbers: Int32Array, at: number): number {
  const before = numbers[at] ?? 0;
  numbers[at] = before + 1;
  return before;
}

/** A growing list of 32-bit integers: tens of millions of edges in an array of numbers would take several times the memory. */
class IntegerList {
  #items = new Int32Array(1 << 16);
  length = 0;

  push(item: number): void {
    if (this.length === this.#items.length) {
      const larger = new Int32Array(this.length * 2);
      larger.set(this.#items);
      this.#items = larger;
    }
    this.#items[this.length++] = item;
  }

  at(index: number): number {
    return this.#items[index] ?? -1;
  }
}
