import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { chooseHome } from './home.ts';
import { blockedPorts } from './blocked-ports.ts';
import { StackProblem } from './stack-problem.ts';

/** Every port of the shop: the variable that changes it, and what it is without one. */
export const defaultPorts = {
  GATEWAY_PORT: 8080,
  ORDER_PORT: 3001,
  INVENTORY_PORT: 3002,
  PAYMENT_PORT: 3003,
  NOTIFICATION_PORT: 3004,
  PSP_PORT: 3005,
  ORDER_DB_PORT: 5433,
  INVENTORY_DB_PORT: 5434,
  PAYMENT_DB_PORT: 5435,
  NOTIFICATION_DB_PORT: 5436,
  KAFKA_PORT: 9092,
  KAFKA_CONTROLLER_PORT: 9093,
  CONNECT_PORT: 8083,
  REDIS_PORT: 6379,
  MAIL_PORT: 1080,
  SMTP_PORT: 1025,
  JAEGER_PORT: 16686,
  OTLP_PORT: 4318,
  PROMETHEUS_PORT: 9090,
} as const;

export type PortVariable = keyof typeof defaultPorts;

export type Settings = {
  /** The checkout. */
  readonly root: string;
  /** Where the running shop keeps its data, logs and control socket. */
  readonly home: string;
  /** The name of the compose project that is meant, if one is. */
  readonly project: string;
  /** Where fetched things are kept, for every checkout. */
  readonly cache: string;
  readonly ports: Readonly<Record<PortVariable, number>>;
  /** Whether the parts are reached on this machine or, from a container, each under its own name. */
  readonly hosts: 'loopback' | 'part-names';
  /** infra/local.env with the environment's own values over it; in a container, which has no such file, the environment. */
  readonly values: Readonly<Record<string, string>>;
};

/** The settings of the shop that this environment means. Throws a StackProblem that names the variable when one is no good. */
export function readSettings(env: NodeJS.ProcessEnv = process.env): Settings {
  const root = join(import.meta.dirname, '../../..');
  const localEnv = join(root, 'infra/local.env');
  return {
    root,
    home: chooseHome(root, env.SAGAMART_HOME),
    project: readProject(env, join(root, '.env')),
    cache: resolve(env.SAGAMART_CACHE || join(homedir(), '.cache', 'sagamart')),
    ports: readPorts(env),
    hosts: readHosts(env),
    values: existsSync(localEnv) ? readValues(readFileSync(localEnv, 'utf8'), env) : withoutGaps(env),
  };
}

// As compose reads it: the environment, the file beside docker-compose.yml, the name in it.
function readProject(env: NodeJS.ProcessEnv, envFile: string): string {
  const written = existsSync(envFile) ? parseEnv(readFileSync(envFile, 'utf8')) : {};
  return env.COMPOSE_PROJECT_NAME || written.COMPOSE_PROJECT_NAME || 'sagamart';
}

/** SAGAMART_HOSTS: 'loopback' unless it says 'part-names', as it does in the containers. */
export function readHosts(env: NodeJS.ProcessEnv): Settings['hosts'] {
  const hosts = env.SAGAMART_HOSTS ?? 'loopback';
  if (hosts === 'loopback' || hosts === 'part-names') return hosts;
  throw new StackProblem('bad_hosts', `SAGAMART_HOSTS is '${hosts}'; expected loopback or part-names.`);
}

/** A value of infra/local.env; a missing one is a broken file. */
export function valueOf(settings: Settings, name: string): string {
  const value = settings.values[name];
  if (value === undefined)
    throw new StackProblem(
      'setting_missing',
      `infra/local.env has no ${name}. Add it there or set it in the environment.`,
    );
  return value;
}

const PORT_MAX = 65_535;
const spokenToByHttp: ReadonlySet<PortVariable> = new Set([
  'GATEWAY_PORT',
  'ORDER_PORT',
  'INVENTORY_PORT',
  'PAYMENT_PORT',
  'NOTIFICATION_PORT',
  'PSP_PORT',
  'CONNECT_PORT',
  'MAIL_PORT',
  'JAEGER_PORT',
  'OTLP_PORT',
  'PROMETHEUS_PORT',
]);

export function readPorts(env: NodeJS.ProcessEnv): Record<PortVariable, number> {
  const offset = Number(env.SAGAMART_PORT_OFFSET ?? '0');
  if (!Number.isInteger(offset))
    throw new StackProblem(
      'bad_port',
      `SAGAMART_PORT_OFFSET is '${env.SAGAMART_PORT_OFFSET}'; expected a whole number.`,
    );
  const ports: Record<PortVariable, number> = { ...defaultPorts };
  const takenBy = new Map<number, PortVariable>();
  for (const variable of portVariables()) {
    const port = env[variable] === undefined ? defaultPorts[variable] + offset : Number(env[variable]);
    if (!Number.isInteger(port) || port < 1 || port > PORT_MAX) {
      throw new StackProblem(
        'bad_port',
        `${variable} would be ${env[variable] ?? port}; expected a port from 1 to ${PORT_MAX}. Change it or SAGAMART_PORT_OFFSET.`,
      );
    }
    if (spokenToByHttp.has(variable) && blockedPorts.has(port)) {
      throw new StackProblem(
        'bad_port',
        `${variable} would be ${port}, which browsers and Node refuse to speak HTTP to. Change it or SAGAMART_PORT_OFFSET.`,
      );
    }
    const other = takenBy.get(port);
    // Under names of their own, four databases may well listen on one number.
    if (other !== undefined && readHosts(env) === 'loopback')
      throw new StackProblem('bad_port', `${variable} and ${other} are both ${port}. Change one of them.`);
    takenBy.set(port, variable);
    ports[variable] = port;
  }
  return ports;
}

export function portVariables(): PortVariable[] {
  return Object.keys(defaultPorts).filter((name): name is PortVariable => name in defaultPorts);
}

// Settings of the services that infra/local.env need not name to be changeable from outside.
const passedOn = /^(RATE_LIMIT_|OTEL_)|^(TRUSTED_PROXIES|TRACED_CALLERS|SAGAMART_SABOTEUR)$/;

export function readValues(localEnv: string, env: NodeJS.ProcessEnv): Record<string, string> {
  const values: Record<string, string> = {};
  for (const [name, value] of Object.entries(parseEnv(localEnv)))
    if (value !== undefined) values[name] = env[name] ?? value;
  for (const [name, value] of Object.entries(withoutGaps(env))) if (passedOn.test(name)) values[name] = value;
  return values;
}

function withoutGaps(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
