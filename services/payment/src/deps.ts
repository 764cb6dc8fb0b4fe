import type { ReadinessCheck } from '@sagamart/service-kit/http-app';
import type { TokenVerifier } from '@sagamart/service-kit/token';
import type { Clock } from '@sagamart/service-kit/transition';
import type { Logger } from '@sagamart/telemetry/logger';
import type { Pool } from 'pg';

/** All that this service may touch. */
export type Deps = {
  readonly pool: Pool;
  readonly clock: Clock;
  /** Called when a payment may have come to owe another call. */
  readonly committed: () => void;
  readonly verifier: TokenVerifier;
  readonly logger: Logger;
  readonly readiness: readonly ReadinessCheck[];
  readonly alarms: readonly ReadinessCheck[];
};
