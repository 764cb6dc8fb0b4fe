import { baseConfig, Secret } from '@sagamart/service-kit/config';
import { Type, type Static } from 'typebox';

export const configSchema = Type.Object({
  ...baseConfig,
  LEDGER_FILE: Type.String({
    minLength: 1,
    description: 'a path this process may write, where the SQLite ledger is kept',
  }),
  PSP_API_KEY: Secret(),
});
export type Config = Readonly<Static<typeof configSchema>>;
