import type { TokenVerifier } from '@sagamart/service-kit/token';
import type { Logger } from '@sagamart/telemetry/logger';
import type { GatewayConfig } from './config.ts';
import type { RequestCounter } from './request-counter.ts';
import type { SessionKeys } from './session-keys.ts';
import type { Upstream } from './upstream.ts';

/** All that the gateway may touch. */
export type Deps = {
  readonly config: GatewayConfig;
  readonly logger: Logger;
  readonly keys: SessionKeys;
  readonly verifier: TokenVerifier;
  readonly counter: RequestCounter;
  readonly order: Upstream;
  readonly inventory: Upstream;
  readonly payment: Upstream;
  readonly notification: Upstream;
  readonly now: () => Date;
};
