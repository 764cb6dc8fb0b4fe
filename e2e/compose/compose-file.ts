import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { parse } from 'yaml';

export const repositoryRoot = join(import.meta.dirname, '../..');

export type Port = { host_ip?: string; published: string; target: number };
export type Mount = { type: 'bind' | 'volume'; source: string; target: string; read_only: boolean };

/** What the rules look at, under the names that `docker compose config` gives it. */
export type ComposeService = {
  image: string;
  build?: unknown;
  pull_policy?: string;
  profiles: string[];
  user?: string;
  init: boolean;
  read_only: boolean;
  privileged?: boolean;
  network_mode?: string;
  cap_add: string[];
  cap_drop: string[];
  security_opt: string[];
  restart?: string;
  logging?: { driver: string; options: Record<string, string> };
  healthcheck?: { test?: string[]; disable?: boolean };
  networks: string[];
  ports: Port[];
  volumes: Mount[];
  tmpfs: string[];
  environment: Record<string, string>;
  memoryBytes: number;
  replicas: number;
};
export type ComposeProject = {
  services: Record<string, ComposeService>;
  networks: Record<string, { internal?: boolean } | null>;
  volumes: Record<string, unknown>;
};

type Variables = Record<string, string | undefined>;
type Fields = Record<string, unknown>;
type Include = { path: string[]; env_file: string };

/**
 * docker-compose.yml as compose resolves it, for machines without Docker: what it includes, merge keys and `${VARIABLES}`. Every profile is in it.
 * `variables` wins over the env file of the include, as the environment, .env and --env-file do.
 */
export function resolveCompose(variables: Variables = {}): ComposeProject {
  const { include } = parse(readText('docker-compose.yml')) as { include: Include[] };
  const project = { services: {} as Record<string, ComposeService>, networks: {}, volumes: {} };
  for (const { path, env_file } of include) {
    const known = { ...parseEnv(readText(env_file)), ...variables };
    for (const file of path) {
      const content = interpolate(parse(readText(file), { merge: true }), known) as Record<string, Fields | undefined>;
      for (const [name, fields] of Object.entries(content.services ?? {}))
        project.services[name] = readService(fields as Fields);
      Object.assign(project.networks, content.networks);
      Object.assign(project.volumes, content.volumes);
    }
  }
  return project;
}

/** The variables in an env file of the repository. */
export function readVariables(path: string): Variables {
  return parseEnv(readText(path));
}

/** The fields that the rules look at, in compose's short or long syntax. */
export function readService(fields: Fields): ComposeService {
  const { image, build, pull_policy, user, privileged, network_mode, restart, logging, healthcheck } =
    fields as Partial<ComposeService>;
  const deploy = (fields.deploy ?? {}) as { replicas?: number | string; resources?: { limits?: { memory?: string } } };
  return {
    image: image ?? '',
    init: fields.init === true,
    read_only: fields.read_only === true,
    profiles: readList(fields.profiles),
    cap_add: readList(fields.cap_add),
    cap_drop: readList(fields.cap_drop),
    security_opt: readList(fields.security_opt),
    tmpfs: readList(fields.tmpfs),
    networks: Array.isArray(fields.networks) ? readList(fields.networks) : Object.keys(fields.networks ?? {}),
    ports: ((fields.ports ?? []) as (string | Port)[]).map(readPort),
    volumes: ((fields.volumes ?? []) as (string | Mount)[]).map(readMount),
    environment: (fields.environment ?? {}) as Record<string, string>,
    memoryBytes: readBytes(deploy.resources?.limits?.memory ?? '0'),
    replicas: Number(deploy.replicas ?? 1),
    ...(build !== undefined && { build }),
    ...(pull_policy !== undefined && { pull_policy }),
    ...(user !== undefined && { user }),
    ...(privileged !== undefined && { privileged }),
    ...(network_mode !== undefined && { network_mode }),
    ...(restart !== undefined && { restart }),
    ...(logging !== undefined && { logging }),
    ...(healthcheck !== undefined && { healthcheck }),
  };
}

function readText(path: string): string {
  return readFileSync(join(repositoryRoot, path), 'utf8');
}

function readList(value: unknown): string[] {
  return (value ?? []) as string[];
}

function readPort(port: string | Port): Port {
  if (typeof port !== 'string') return port;
  const [target = '', published = '', ...host] = port.split(':').toReversed();
  return { ...(host.length > 0 && { host_ip: host.toReversed().join(':') }), published, target: Number(target) };
}

function readMount(mount: string | Mount): Mount {
  if (typeof mount !== 'string') return { ...mount, read_only: mount.read_only ?? false };
  const [source = '', target = '', mode] = mount.split(':');
  return { type: /^[./~]/.test(source) ? 'bind' : 'volume', source, target, read_only: mode === 'ro' };
}

const bytesIn = { '': 1, b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

function readBytes(size: string): number {
  const [, amount, unit] = /^(\d+)([bkmg]?)$/.exec(size) ?? [];
  if (amount === undefined) throw new Error(`${size} is no size: write it as compose does, 256m`);
  return Number(amount) * bytesIn[unit as keyof typeof bytesIn];
}

function interpolate(value: unknown, variables: Variables): unknown {
  if (typeof value === 'string') return interpolateText(value, variables);
  if (Array.isArray(value)) return value.map((item) => interpolate(item, variables));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, interpolate(item, variables)]));
}

function interpolateText(text: string, variables: Variables): string {
  return text.replace(
    /\$\$|\$\{(\w+)(?:(:?)([-?])([^}]*))?\}/g,
    (_whole, name?: string, colon?: string, sign?: string, rest: string = '') => {
      if (name === undefined) return '$';
      const value = variables[name];
      // With a colon an empty value counts as none.
      if (sign === undefined || (colon === '' ? value !== undefined : value)) return value ?? '';
      if (sign === '?') throw new Error(`${name} has no value: ${rest}`);
      return rest;
    },
  );
}
