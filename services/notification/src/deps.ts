import type { ReadinessCheck } from '@sagamart/service-kit/http-app';
import type { TokenVerifier } from '@sagamart/service-kit/token';
import type { Clock } from '@sagamart/service-kit/transition';
import type { Logger } from '@sagamart/telemetry/logger';
import type { Pool } from 'pg';
import type { Mailer } from './smtp.ts';

/** All that this service may touch. */
export type Deps = {
  readonly pool: Pool;
  readonly clock: Clock;
  /** Called when a mail may have become due. */
  readonly committed: () => void;
  readonly mailer: Mailer;
  readonly verifier: TokenVerifier;
  readonly logger: Logger;
  readonly readiness: readonly ReadinessCheck[];
  readonly alarms: readonly ReadinessCheck[];
};
