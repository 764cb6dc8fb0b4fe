import { chmodSync, copyFileSync, existsSync, readdirSync, renameSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { HOST, hostOf, redisUrl } from './addresses.ts';
import { javaParts } from './java.ts';
import type { Part, Say } from './part.ts';
import { probeTcp } from './probe.ts';
import type { Settings } from './settings.ts';
import { StackProblem } from './stack-problem.ts';

/** The gateway's rate-limit counters. */
export function redisPart(settings: Settings): Part {
  const port = settings.ports.REDIS_PORT;
  let program: string | undefined;
  return {
    name: 'redis',
    kind: 'cache',
    url: redisUrl(settings),
    ports: [{ variable: 'REDIS_PORT', port }],
    after: [],
    prepare: async (say, signal) => {
      program = installedRedis() ?? (await fetchedRedis(settings, say, signal));
    },
    command: async () => {
      if (program === undefined) throw new Error('redis was not prepared');
      return {
        program,
        args: [join(settings.root, 'infra/redis/redis.conf'), '--bind', HOST, '--port', String(port)],
        env: { LC_ALL: 'C.UTF-8' },
        cwd: '/',
      };
    },
    probe: () =>
      probeTcp({ host: hostOf(settings, 'redis'), port }, Buffer.from('PING\r\n'), (answer) =>
        answer.toString().startsWith('+PONG'),
      ),
    stopSignal: 'SIGTERM',
    readyWithinMs: 30_000,
    stopWithinMs: 5_000,
  };
}

export function installedRedis(): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return ['redis-server', 'valkey-server']
    .flatMap((name) => folders.map((folder) => join(folder, name)))
    .find((path) => existsSync(path));
}

async function fetchedRedis(settings: Settings, say: Say, signal: AbortSignal): Promise<string> {
  const { folder } = await javaParts(settings, say, signal);
  const packed = readdirSync(join(folder, 'redis')).find((file) => file.startsWith('redis-server'));
  if (packed === undefined)
    throw new StackProblem(
      'no_redis',
      'No Redis server was found in the fetched packages. Install one, for example: apt-get install redis-server',
    );
  const program = join(folder, 'redis-server');
  if (!existsSync(program)) {
    const part = `${program}.${process.pid}`;
    copyFileSync(join(folder, 'redis', packed), part);
    chmodSync(part, 0o755);
    renameSync(part, program);
  }
  return program;
}
