import { baseConfig, loadConfig, Secret } from '@sagamart/service-kit/config';
import { Type } from 'typebox';

export const readConfig = () =>
  loadConfig(
    Type.Object({
      ...baseConfig,
      LEDGER_FILE: Type.String({
        minLength: 1,
        description: 'a path this process may write, where the SQLite ledger is kept',
      }),
      PSP_API_KEY: Secret(),
    }),
  );
