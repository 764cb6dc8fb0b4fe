import { isAddressOrRange } from '@sagamart/service-kit/client-address';
import { baseConfig, DurationMs, loadConfig, Secret } from '@sagamart/service-kit/config';
import { Type, type Static } from 'typebox';

const url = Type.Refine(
  Type.String({ pattern: '^https?://[^/]+$', description: 'a base address like http://127.0.0.1:3001' }),
  (text) => URL.canParse(text),
);
const addressList = (whose: string) =>
  Type.Refine(
    Type.String({ default: '', description: `IP addresses or CIDR ranges separated by commas, ${whose}` }),
    (text) => listOf(text).every(isAddressOrRange),
  );
const perWindow = (requests: number) => Type.Integer({ minimum: 1, maximum: 1_000_000, default: requests });

const GatewayConfig = Type.Object({
  ...baseConfig,
  ORDER_URL: url,
  INVENTORY_URL: url,
  PAYMENT_URL: url,
  NOTIFICATION_URL: url,
  REDIS_URL: Type.Refine(
    Type.String({ pattern: '^rediss?://', description: 'an address like redis://127.0.0.1:6379' }),
    (text) => URL.canParse(text),
  ),
  SESSION_KEYS_FILE: Type.String({
    minLength: 1,
    description: 'the path of a private JSON Web Key Set with Ed25519 keys, the signing key first',
  }),
  OPERATOR_SECRET: Secret(),
  JWT_ISSUER: Type.String({ default: 'sagamart' }),
  JWT_AUDIENCE: Type.String({ default: 'sagamart' }),
  CUSTOMER_SESSION_LIFE: DurationMs('1h'),
  OPERATOR_SESSION_LIFE: DurationMs('15m'),
  TRUSTED_PROXIES: addressList('whose X-Forwarded-For is believed'),
  TRACED_CALLERS: addressList('whose traces go on here; all others are only linked'),
  CORS_ORIGINS: Type.String({
    default: '',
    pattern: '^(https?://[^/,]+(,(?=.)|$))*$',
    description: 'origins like https://shop.example separated by commas, whose pages may call the gateway',
  }),
  RATE_LIMIT_CUSTOMER_PER_SECOND: perWindow(10),
  RATE_LIMIT_ADDRESS_PER_SECOND: perWindow(100),
  RATE_LIMIT_SESSIONS_PER_MINUTE: perWindow(60),
});

export type GatewayConfig = Readonly<Static<typeof GatewayConfig>>;

export function loadGatewayConfig(env?: NodeJS.ProcessEnv): GatewayConfig {
  return loadConfig(GatewayConfig, env);
}

/** The parts of a list written with commas; an empty text is an empty list. */
export function listOf(text: string): string[] {
  return text === '' ? [] : text.split(',');
}
