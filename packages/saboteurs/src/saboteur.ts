import type { Invariant } from '@sagamart/auditor/books';

/** A shop with one protection removed, and what that must cost. */
export type Saboteur = {
  readonly name: string;
  /** The protection that is gone. */
  readonly removes: string;
  /** The service that goes without it; its /readyz raises an alarm as long as it does. */
  readonly where: ServiceFolder;
  /** What its source says instead. */
  readonly changes?: readonly Change[];
  /** What is done to the shop before anything is sold in it. */
  readonly beforehand?: Beforehand;
  /** The fault under which the missing protection shows. */
  readonly scene: SceneName;
  /** The invariants that break, and no other. */
  readonly breaks: readonly Invariant[];
  readonly story: string;
};

export type ServiceFolder = 'order' | 'inventory' | 'payment' | 'notification';

/** `remove` stands exactly once in `file`, a path from the root of the checkout. */
export type Change = { readonly file: string; readonly remove: string; readonly instead: string };

export type Beforehand =
  /** Statements that the superuser runs in the service's database. */
  | { readonly kind: 'sql'; readonly statements: readonly string[] }
  /** Settings of the service's connector that are changed. */
  | { readonly kind: 'connector'; readonly settings: Readonly<Record<string, string>> };

export type SceneName =
  | 'business as usual'
  | 'a request is sent twice'
  | 'everything is heard twice'
  | 'the last unit is wanted by many, and by one more later'
  | 'a paid order is cancelled'
  | 'the provider is down'
  | "the provider's answer is lost"
  | 'a cancellation while the provider is asked'
  | "the provider's answer comes after the cancellation"
  | 'stock that is held after the deadline'
  | 'a cancellation overtakes the stock'
  | 'a cancellation overtakes the order'
  | 'a crash right after the commit'
  | 'a crash right before the commit'
  | 'a crash right after the offsets are committed'
  | 'the mail server is down';
