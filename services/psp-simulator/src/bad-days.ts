import { setTimeout as pause } from 'node:timers/promises';
import { Type, type Static } from 'typebox';

/** How the provider misbehaves to its merchant, until told otherwise or started again. The ledger stays readable and correct throughout. */
export const Controls = Type.Object(
  {
    latencyMs: Type.Optional(Type.Integer({ minimum: 0, maximum: 30_000, description: 'a pause before each request' })),
    errorRate: Type.Optional(
      Type.Number({ minimum: 0, maximum: 1, description: 'the share of requests that get a 500 and are not recorded' }),
    ),
    lostReplies: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 1_000_000,
        description: 'the next so many are recorded, and never answered',
      }),
    ),
    down: Type.Optional(Type.Boolean({ description: 'every connection is closed at once' })),
    nonsense: Type.Optional(
      Type.Enum(['none', 'wrong_amount', 'unknown_status', 'bad_json'], {
        description: 'requests are recorded as they are to be, and the answer makes no sense',
      }),
    ),
  },
  { additionalProperties: false },
);

export type BadDays = {
  read: () => Required<Static<typeof Controls>>;
  /** What is not named is as it should be. */
  set: (controls: Static<typeof Controls>) => void;
  /** Called with each request before it is looked at. */
  arrive: () => Promise<'served' | 'failed' | 'cut_off'>;
  /** True when the answer that is about to be sent is to be lost: it then counts as lost. */
  loseReply: () => boolean;
  /** The answer as it is sent: as it is to be, or nonsense. */
  garble: (answer: string) => string;
  /** True the first time a flaky key is seen by this process. */
  failsFirst: (key: string) => boolean;
};

const good: Required<Static<typeof Controls>> = {
  latencyMs: 0,
  errorRate: 0,
  lostReplies: 0,
  down: false,
  nonsense: 'none',
};

// Beyond this the oldest key is forgotten, and would fail a second time.
export const flakyKeysMax = 10_000;

/** `random` gives numbers from 0 up to 1, such as Math.random. */
export function createBadDays(random: () => number): BadDays {
  let current = good;
  const flakyKeys = new Set<string>();
  return {
    read: () => current,
    set: (controls) => {
      current = { ...good, ...controls };
    },
    arrive: async () => {
      if (current.down) return 'cut_off';
      if (current.latencyMs > 0) await pause(current.latencyMs);
      return random() < current.errorRate ? 'failed' : 'served';
    },
    loseReply: () => {
      if (current.lostReplies === 0) return false;
      current = { ...current, lostReplies: current.lostReplies - 1 };
      return true;
    },
    garble: (answer) => garbled(answer, current.nonsense),
    failsFirst: (key) => {
      if (flakyKeys.has(key)) return false;
      const [oldest] = flakyKeys;
      if (flakyKeys.size >= flakyKeysMax && oldest !== undefined) flakyKeys.delete(oldest);
      flakyKeys.add(key);
      return true;
    },
  };
}

function garbled(answer: string, nonsense: typeof good.nonsense): string {
  switch (nonsense) {
    case 'none':
      return answer;
    case 'wrong_amount':
      return JSON.stringify(JSON.parse(answer), (field, value: unknown) =>
        field === 'amountMinor' ? Number(value) + 1 : value,
      );
    case 'unknown_status':
      return JSON.stringify({ ...JSON.parse(answer), status: 'perhaps' });
    case 'bad_json':
      return answer.slice(0, -1);
    default:
      return nonsense satisfies never;
  }
}
