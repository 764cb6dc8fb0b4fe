import { baseConfig, loadConfig, messagingConfig, Secret, tokenConfig } from '@sagamart/service-kit/config';
import { Type } from 'typebox';

export const readConfig = () =>
  loadConfig(
    Type.Object({
      ...baseConfig,
      ...tokenConfig,
      ...messagingConfig,
      PSP_URL: Type.String({ pattern: '^https?://' }),
      PSP_API_KEY: Secret(),
    }),
  );
