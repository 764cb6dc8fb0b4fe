import type { SystemUser } from './home.ts';
import type { PortVariable } from './settings.ts';

export const partNames = [
  'order-db',
  'inventory-db',
  'payment-db',
  'notification-db',
  'kafka',
  'connect',
  'redis',
  'mail',
  'psp',
  'order',
  'inventory',
  'payment',
  'notification',
  'gateway',
  // Only where it was added.
  'jaeger',
  'prometheus',
] as const;

/** Those whose program is in this repository. */
export const ourParts = [
  'gateway',
  'order',
  'inventory',
  'payment',
  'notification',
  'psp',
] as const satisfies readonly PartName[];

export type PartName = (typeof partNames)[number];
export type PartKind =
  | 'database'
  | 'broker'
  | 'connect'
  | 'cache'
  | 'mail'
  | 'provider'
  | 'service'
  // Only in containers: what looks after the connectors.
  | 'watch'
  // What shows traces and figures.
  | 'observer';

export type Command = {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly user?: SystemUser | undefined;
};

/** Tells whoever waits what a part is busy with. */
export type Say = (detail: string) => void;

/** How a part that runs was found: whether it does its work, and everything somebody has to know. */
export type Sight = { readonly state: 'running' | 'unhealthy' | 'paused'; readonly words: readonly string[] };

/** One process of the shop, and everything the supervisor must know to keep it up. */
export type Part<Name extends string = PartName> = {
  readonly name: Name;
  readonly kind: PartKind;
  /** Where to reach it, for people. */
  readonly url: string;
  readonly ports: readonly { readonly variable: PortVariable; readonly port: number }[];
  /** Parts that run before this one is started, the first time. It is stopped before them. */
  readonly after: readonly Name[];
  /** Parts that run before `settle`, while this one may already be starting. It is stopped before them too. */
  readonly settleAfter?: readonly Name[];
  /** Fetches and lays out what the process needs. Runs before every start; does nothing when nothing is to do. Ends early when the signal aborts. */
  readonly prepare?: (say: Say, signal: AbortSignal) => Promise<void>;
  readonly command: () => Promise<Command>;
  /** Resolves when the process answers; rejects while it does not. */
  readonly probe: () => Promise<void>;
  /**
   * Looks at a part again and again once the shop is up; without it, `probe` is asked. Rejects when there was no answer. `isUp` is false of one that is
   * down, or just starts or stops: undefined when there is nothing to say then.
   */
  readonly look?: (isUp: boolean) => Promise<Sight | undefined>;
  /** How often; every other second unless told. */
  readonly lookEveryMs?: number;
  /** What must be done in the running process before others can use it: roles, topics, connectors. Can be repeated. */
  readonly settle?: (say: Say) => Promise<void>;
  /** Told after the process ended; `stopped` when it ended because we asked and it took its time to do it well. */
  readonly ended?: (stopped: boolean) => void;
  readonly stopSignal: 'SIGTERM' | 'SIGINT';
  readonly readyWithinMs: number;
  readonly stopWithinMs: number;
};

export type PartState =
  | 'waiting'
  | 'starting'
  | 'running'
  // It runs and does not do its work: the detail says why.
  | 'unhealthy'
  | 'paused'
  | 'restarting'
  | 'stopping'
  | 'stopped'
  | 'failed';

export type PartStatus = {
  readonly name: string;
  readonly kind: PartKind;
  readonly url: string;
  readonly pid?: number;
  readonly container?: string;
  readonly state: PartState;
  /** RFC 3339: since when it has been in this state; of a container that is up and well, since when it has been up. */
  readonly since: string;
  readonly detail?: string;
};
