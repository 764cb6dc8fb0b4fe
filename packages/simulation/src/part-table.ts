export type Table<T> = { idOf: (value: T) => number; valueOf: (id: number) => T; one: (value: T) => T };

/** Numbers the different values of one part in the order they turn up. Equal values come back as one object, so that they can be told by identity. */
export function createTable<T extends object>(): Table<T> {
  const values: T[] = [];
  const idOfObject = new Map<T, number>();
  const idOfText = new Map<string, number>();
  const table: Table<T> = {
    idOf: (value) => {
      const known = idOfObject.get(value);
      if (known !== undefined) return known;
      const text = JSON.stringify(value, withoutTimes);
      let id = idOfText.get(text);
      if (id === undefined) {
        id = values.push(value) - 1;
        if (id >= idsMax) throw new RangeError(`a part of the world has more than ${id} values: tighten the bounds`);
        idOfText.set(text, id);
      }
      idOfObject.set(value, id);
      return id;
    },
    valueOf: (id) => {
      const value = values[id];
      if (value === undefined) throw new RangeError(`no value has the number ${id}`);
      return value;
    },
    one: (value) => table.valueOf(table.idOf(value)),
  };
  return table;
}

/** A number of a part fits one character of a key. */
export const idsMax = 0xffff;

const irrelevant = new Set(['lamport', 'time', 'createdAt']);

function withoutTimes(key: string, value: unknown): unknown {
  if (irrelevant.has(key)) return undefined;
  return value instanceof Map ? [...value] : value;
}

/** The same function, asked once for each list of arguments, which are told apart by identity. */
export function remembered<Args extends readonly unknown[], Result>(
  compute: (...args: Args) => Result,
): (...args: Args) => Result {
  const root = new Map<unknown, unknown>();
  return (...args) => {
    let node = root;
    for (let index = 0; index < args.length - 1; index++) {
      let next = node.get(args[index]) as Map<unknown, unknown> | undefined;
      if (next === undefined) node.set(args[index], (next = new Map()));
      node = next;
    }
    const last = args.at(-1);
    let result = node.get(last) as Result | undefined;
    if (result === undefined) node.set(last, (result = compute(...args)));
    return result;
  };
}
