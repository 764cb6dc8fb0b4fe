import ms, { type StringValue } from 'ms';
import { Type, type Static, type TObject, type TSchema } from 'typebox';
import { Value } from 'typebox/value';

/** Thrown by loadConfig. Its message lists every variable that is wrong and what was expected, never a secret's value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly variables: readonly string[];

  constructor(faults: readonly Fault[]) {
    super(
      `The configuration is not usable. Set these environment variables and start again:\n${faults.map((fault) => `  ${fault.variable}: ${fault.detail}`).join('\n')}`,
    );
    this.variables = faults.map((fault) => fault.variable);
  }
}

type Fault = { variable: string; detail: string };

/**
 * Reads the variables a schema names from the environment into one frozen, typed object. Integers, booleans ('1' or '0'), numbers and durations
 * are parsed; an empty variable counts as not set. Throws ConfigError when any is missing or wrong.
 */
export function loadConfig<S extends TObject>(schema: S, env: NodeJS.ProcessEnv = process.env): Readonly<Static<S>> {
  const faults: Fault[] = [];
  const values: Record<string, unknown> = {};
  const required = new Set<string>(schema.required);
  for (const [variable, property] of Object.entries<TSchema>(schema.properties)) {
    const text = env[variable];
    if (text === undefined || text === '') {
      if ('default' in property) values[variable] = property.default;
      else if (required.has(variable))
        faults.push({ variable, detail: `is not set; expected ${expectationOf(property)}` });
      continue;
    }
    const value = parse(property, text);
    if (!Value.Check(property, value)) {
      faults.push({
        variable,
        detail: `${isShown(property) ? `is '${text}'` : 'is not valid'}; expected ${expectationOf(property)}`,
      });
    } else if (holdsLocalSecret(text) && env['SHOP_LOCAL'] !== '1') {
      faults.push({
        variable,
        detail: `has a secret made for one machine ('${localOnlyPrefix}…'); expected a secret of your own, or SHOP_LOCAL=1`,
      });
    } else {
      values[variable] = value;
    }
  }
  if (faults.length > 0) throw new ConfigError(faults);
  if (!Value.Check(schema, values))
    throw new ConfigError([{ variable: Object.keys(schema.properties).join(', '), detail: 'do not fit together' }]);
  return Object.freeze(values);
}

/** A string that is never shown, of at least 16 characters. Any value that holds a committed local secret is refused unless SHOP_LOCAL=1. */
export function Secret() {
  return Type.String({ minLength: secretLengthMin, secret: true });
}

/** A duration in milliseconds, written like '60s', '15m' or '500ms' in the environment. */
export function DurationMs(defaultText?: StringValue) {
  const options = { minimum: 0, duration: true };
  return Type.Integer(defaultText === undefined ? options : { ...options, default: ms(defaultText) });
}

/** What every service reads. Spread it into the service's own schema. */
export const baseConfig = {
  HOST: Type.String({ default: '127.0.0.1' }),
  PORT: Type.Integer({ minimum: 0, maximum: 65_535 }),
  LOG_LEVEL: Type.Enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], { default: 'info' }),
  SHOP_LOCAL: Type.Boolean({ default: false }),
};

/** What a service that verifies users' tokens reads. */
export const tokenConfig = {
  JWKS_URL: Type.String({
    pattern: '^https?://',
    description: 'the address of the public signing keys, http(s)://…/.well-known/jwks.json',
  }),
  JWKS_CACHE_FILE: Type.String({
    minLength: 1,
    description: 'a path this service may write, where the public keys are kept',
  }),
  JWT_ISSUER: Type.String({ default: 'sagamart' }),
  JWT_AUDIENCE: Type.String({ default: 'sagamart' }),
};

/** What a service that owns a database and hears events reads. */
export const messagingConfig = {
  DATABASE_URL: Type.String({
    pattern: '^postgres(ql)?://',
    description: "postgres://…, as the service's application role",
    secret: true,
  }),
  KAFKA_BROKERS: Type.String({
    pattern: '^[^\\s,:]+:\\d+(,[^\\s,:]+:\\d+)*$',
    description: 'host:port, several separated by commas',
  }),
};

const localOnlyPrefix = 'local-only-';
const secretLengthMin = 16;
const durationPattern = /^\d+(\.\d+)?\s?(ms|s|m|h|d)$/;

/** A secret by itself, or the password inside an address such as a DATABASE_URL. */
function holdsLocalSecret(text: string): boolean {
  return text.includes(localOnlyPrefix);
}

function parse(property: TSchema, text: string): unknown {
  if ('duration' in property) return durationPattern.test(text) ? ms(text as StringValue) : text;
  if ('type' in property && property.type === 'boolean')
    return text === '1' || text === 'true' ? true : text === '0' || text === 'false' ? false : text;
  if ('type' in property && (property.type === 'integer' || property.type === 'number'))
    return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
  return text;
}

function isShown(property: TSchema): boolean {
  return 'duration' in property || 'enum' in property || ('type' in property && property.type !== 'string');
}

function expectationOf(property: TSchema): string {
  if ('description' in property && typeof property.description === 'string') return property.description;
  if ('duration' in property) return "a duration like '500ms', '60s' or '15m'";
  if ('secret' in property) return `a secret of at least ${secretLengthMin} characters`;
  if ('enum' in property && Array.isArray(property.enum)) return `one of ${property.enum.join(', ')}`;
  if ('type' in property && property.type === 'boolean') return "'1' or '0'";
  const range =
    'minimum' in property && 'maximum' in property
      ? ` from ${String(property.minimum)} to ${String(property.maximum)}`
      : '';
  if ('type' in property && property.type === 'integer') return `a whole number${range}`;
  if ('pattern' in property) return `text that matches ${String(property.pattern)}`;
  return 'a non-empty text';
}
