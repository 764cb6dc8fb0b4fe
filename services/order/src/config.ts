import { baseConfig, DurationMs, loadConfig, messagingConfig, tokenConfig } from '@sagamart/service-kit/config';
import { Type } from 'typebox';

export const readConfig = () =>
  loadConfig(
    Type.Object({
      ...baseConfig,
      ...tokenConfig,
      ...messagingConfig,
      CHECKOUT_DEADLINE: DurationMs('60s'),
      CANCEL_WINDOW: DurationMs('15m'),
    }),
  );
