import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  capitals,
  databaseUrl,
  type DatabaseService,
  dataFolder,
  HOST,
  kafkaBroker,
  redisUrl,
  serviceUrl,
  smtpUrl,
} from './addresses.ts';
import { isAdded } from './added-parts.ts';
import { otlpUrl } from './jaeger.ts';
import type { Part, PartName } from './part.ts';
import { probeHttp } from './probe.ts';
import { lookAtService } from './service-look.ts';
import { ensureSessionKeys } from './session-keys.ts';
import { type PortVariable, type Settings, valueOf } from './settings.ts';

/** The processes that are ours: the provider, the four services and the gateway. */
export function serviceParts(settings: Settings): Part[] {
  return [
    servicePart(settings, { name: 'psp', folder: 'psp-simulator', kind: 'provider', after: [], env: pspEnvironment }),
    servicePart(settings, { name: 'order', folder: 'order', after: ['order-db', 'kafka'], env: orderEnvironment }),
    servicePart(settings, {
      name: 'inventory',
      folder: 'inventory',
      after: ['inventory-db', 'kafka'],
      env: inventoryEnvironment,
    }),
    servicePart(settings, {
      name: 'payment',
      folder: 'payment',
      after: ['payment-db', 'kafka'],
      env: paymentEnvironment,
    }),
    servicePart(settings, {
      name: 'notification',
      folder: 'notification',
      after: ['notification-db', 'kafka'],
      env: notificationEnvironment,
    }),
    servicePart(settings, { name: 'gateway', folder: 'gateway', after: ['redis'], env: gatewayEnvironment }),
  ];
}

type Service = {
  readonly name: Extract<PartName, 'psp' | 'gateway' | DatabaseService>;
  readonly folder: string;
  readonly kind?: 'provider' | 'service';
  readonly after: readonly PartName[];
  readonly env: (settings: Settings) => Record<string, string>;
};

// A service's heap. The young generation is kept small: at its default of 16 MB a process that allocates a little keeps all of it resident.
const NODE_OPTIONS = ['--max-old-space-size=256', '--max-semi-space-size=4', '--disable-warning=ExperimentalWarning'];

function servicePart(settings: Settings, service: Service): Part {
  const { name } = service;
  const main = join(settings.root, 'services', service.folder, 'src/main.ts');
  const variable: PortVariable = `${capitals(name)}_PORT`;
  const port = settings.ports[variable];
  const url = serviceUrl(settings, name);
  const base = {
    PATH: process.env.PATH ?? '',
    TZ: 'UTC',
    HOST,
    PORT: String(port),
    LOG_LEVEL: valueOf(settings, 'LOG_LEVEL'),
    SHOP_LOCAL: valueOf(settings, 'SHOP_LOCAL'),
    // Two fifths of the processor time of a start, and so of a restart after a crash, went into compiling what had not changed.
    NODE_COMPILE_CACHE: dataFolder(settings.home, 'compiled'),
  };
  return {
    name,
    kind: service.kind ?? 'service',
    url,
    ports: [{ variable, port }],
    after: service.after,
    prepare: async () => {
      mkdirSync(dataFolder(settings.home, name), { recursive: true });
      if (name === 'gateway') await ensureSessionKeys(sessionKeysFile(settings));
    },
    command: async () => ({
      program: process.execPath,
      args: [...NODE_OPTIONS, ...sabotageOptions(settings), main],
      env: { ...base, ...tracing(settings), ...service.env(settings) },
      cwd: join(settings.root, 'services', service.folder),
    }),
    probe: () => probeHttp(`${url}/readyz`),
    look: async (isUp) => (isUp ? lookAtService(url) : undefined),
    stopSignal: 'SIGTERM',
    readyWithinMs: 60_000,
    stopWithinMs: 15_000,
  };
}

/** Where spans go, and how: to Jaeger where it was added, unless the environment names another collector. */
function tracing(settings: Settings): Record<string, string> {
  const jaeger = isAdded(settings, 'jaeger') ? { OTEL_EXPORTER_OTLP_ENDPOINT: otlpUrl(settings) } : {};
  return { ...jaeger, ...passedOn(settings) };
}

function passedOn(settings: Settings): Record<string, string> {
  return Object.fromEntries(
    Object.entries(settings.values).filter(([name]) => name.startsWith('OTEL_') || name === 'SAGAMART_SABOTEUR'),
  );
}

// Only a shop that was started with SAGAMART_SABOTEUR goes without one of its protections, and says so in its status.
function sabotageOptions({ root, values }: Settings): string[] {
  const { SAGAMART_SABOTEUR: saboteur } = values;
  return saboteur === undefined ? [] : ['--import', join(root, 'packages/saboteurs/src/preload.ts')];
}

function consumerEnvironment(settings: Settings, service: DatabaseService): Record<string, string> {
  return {
    DATABASE_URL: databaseUrl(settings, service, 'app'),
    KAFKA_BROKERS: kafkaBroker(settings),
    JWKS_URL: `${serviceUrl(settings, 'gateway')}/.well-known/jwks.json`,
    JWKS_CACHE_FILE: join(dataFolder(settings.home, service), 'jwks.json'),
    ...pick(settings, ['JWT_ISSUER', 'JWT_AUDIENCE']),
  };
}

function orderEnvironment(settings: Settings): Record<string, string> {
  return { ...consumerEnvironment(settings, 'order'), ...pick(settings, ['CHECKOUT_DEADLINE', 'CANCEL_WINDOW']) };
}

function inventoryEnvironment(settings: Settings): Record<string, string> {
  return { ...consumerEnvironment(settings, 'inventory'), ...pick(settings, ['SEED_CATALOGUE']) };
}

function paymentEnvironment(settings: Settings): Record<string, string> {
  return {
    ...consumerEnvironment(settings, 'payment'),
    PSP_URL: serviceUrl(settings, 'psp'),
    ...pick(settings, ['PSP_API_KEY']),
  };
}

function notificationEnvironment(settings: Settings): Record<string, string> {
  return {
    ...consumerEnvironment(settings, 'notification'),
    SMTP_URL: smtpUrl(settings),
    ...pick(settings, ['MAIL_FROM']),
  };
}

function pspEnvironment(settings: Settings): Record<string, string> {
  return { LEDGER_FILE: join(dataFolder(settings.home, 'psp'), 'ledger.sqlite'), ...pick(settings, ['PSP_API_KEY']) };
}

function gatewayEnvironment(settings: Settings): Record<string, string> {
  const limits = Object.entries(settings.values).filter(
    ([name]) => name.startsWith('RATE_LIMIT_') || name === 'TRUSTED_PROXIES' || name === 'TRACED_CALLERS',
  );
  return {
    ORDER_URL: serviceUrl(settings, 'order'),
    INVENTORY_URL: serviceUrl(settings, 'inventory'),
    PAYMENT_URL: serviceUrl(settings, 'payment'),
    NOTIFICATION_URL: serviceUrl(settings, 'notification'),
    REDIS_URL: redisUrl(settings),
    SESSION_KEYS_FILE: sessionKeysFile(settings),
    ...pick(settings, ['OPERATOR_SECRET', 'JWT_ISSUER', 'JWT_AUDIENCE']),
    ...Object.fromEntries(limits),
  };
}

function sessionKeysFile(settings: Settings): string {
  return join(settings.home, 'keys/session-keys.json');
}

function pick(settings: Settings, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, valueOf(settings, name)]));
}
