import { baseConfig, loadConfig, messagingConfig, tokenConfig } from '@sagamart/service-kit/config';
import { Type } from 'typebox';

export const readConfig = () =>
  loadConfig(
    Type.Object({
      ...baseConfig,
      ...tokenConfig,
      ...messagingConfig,
      SEED_CATALOGUE: Type.Boolean({ default: false }),
    }),
  );
