import type { Logger } from '@sagamart/telemetry/logger';
import type { BadDays } from './bad-days.ts';
import type { Ledger } from './ledger.ts';

/** Everything the provider may touch. */
export type Deps = {
  logger: Logger;
  ledger: Ledger;
  /** The key its one merchant presents. */
  apiKey: string;
  now: () => Date;
  newCaptureId: () => string;
  newRefundId: () => string;
  badDays: BadDays;
  /** How long the answer to a slow capture takes. */
  slowAnswerMs: number;
};
