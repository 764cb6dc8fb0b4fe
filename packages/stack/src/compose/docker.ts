import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { messageOf, StackProblem } from '../stack-problem.ts';

// The only file that knows Docker's words. Docker is asked through its command line: that follows contexts, remote engines and rootless ones.

/** One container of a compose project, as Docker tells it. */
export type Container = {
  readonly name: string;
  readonly service: string;
  /** Started by `docker compose run`: no part of the shop. */
  readonly isOneOff: boolean;
  readonly status: 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';
  /** Absent where nothing is checked. */
  readonly health?: {
    readonly status: 'starting' | 'healthy' | 'unhealthy';
    /** Whether the last look failed, though Docker waits for more before it believes that. */
    readonly isFailing: boolean;
    readonly said: string;
  };
  /** The process id on the engine's machine; 0 when there is none. */
  readonly pid: number;
  readonly exitCode: number;
  readonly isOutOfMemory: boolean;
  readonly createdAt: string;
  readonly startedAt: string;
  readonly finishedAt: string;
  /** Ports of the engine's machine. */
  readonly publishedPorts: readonly number[];
  /** What brings compose back to the project this container was made from. */
  readonly composeArgs: readonly string[];
};

const ANSWER_WITHIN_MS = 60_000;
const OUTPUT_BYTES_MAX = 64 * 1024 ** 2;
const LIST_ATTEMPTS_MAX = 5;

/** Runs a docker command to its end and tells what it printed. Throws a StackProblem `no_docker` or `docker_refused` with Docker's own words. */
export async function docker(args: readonly string[], { withinMs = ANSWER_WITHIN_MS } = {}): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)('docker', [...args], {
      timeout: withinMs,
      maxBuffer: OUTPUT_BYTES_MAX,
    });
    return stdout;
  } catch (error) {
    throw describeFailure(args, error);
  }
}

/** All containers of a compose project, one-offs and stopped ones too. Throws a StackProblem `no_docker` where no engine answers. */
export async function listContainers(project: string): Promise<Container[]> {
  const filter = `label=com.docker.compose.project=${project}`;
  for (let attempt = 1; ; attempt += 1) {
    const ids = (await docker(['ps', '--all', '--quiet', '--no-trunc', '--filter', filter]))
      .split('\n')
      .filter(Boolean);
    if (ids.length === 0) return [];
    try {
      return readContainers(await docker(['inspect', '--type', 'container', ...ids]));
    } catch (error) {
      // One that was listed is already removed.
      if (attempt === LIST_ATTEMPTS_MAX || !messageOf(error).includes('No such container')) throw error;
    }
  }
}

/** The container of this name as it is now. */
export async function inspectContainer(name: string): Promise<Container> {
  const [container] = readContainers(await docker(['inspect', '--type', 'container', name]));
  if (container === undefined) throw new StackProblem('no_such_part', `There is no container ${name}.`);
  return container;
}

/** The last lines that a container printed, on either stream. */
export async function readLog(name: string, linesMax: number): Promise<string> {
  const tail = linesMax === Infinity ? 'all' : String(linesMax);
  const { stdout, stderr } = await promisify(execFile)('docker', ['logs', '--tail', tail, name], {
    timeout: ANSWER_WITHIN_MS,
    maxBuffer: OUTPUT_BYTES_MAX,
  });
  return `${stdout}${stderr}`.trim();
}

/** Tells each line that a container prints from now on, until it ends or the signal aborts. */
export async function followLog(name: string, tell: (line: string) => void, signal: AbortSignal): Promise<void> {
  const child = spawn('docker', ['logs', '--follow', '--tail', '0', name], { stdio: ['ignore', 'pipe', 'pipe'] });
  signal.addEventListener('abort', () => child.kill());
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', tell);
  await once(child, 'close');
}

type Look = { readonly ExitCode: number; readonly Output: string };

type Inspected = {
  readonly Name: string;
  readonly Created: string;
  readonly State: {
    readonly Status: Container['status'];
    readonly Pid: number;
    readonly ExitCode: number;
    readonly OOMKilled: boolean;
    readonly StartedAt: string;
    readonly FinishedAt: string;
    readonly Health?: {
      readonly Status: 'none' | 'starting' | 'healthy' | 'unhealthy';
      readonly Log: readonly Look[] | null;
    };
  };
  readonly Config: { readonly Labels: Readonly<Record<string, string>> };
  readonly NetworkSettings: {
    readonly Ports: Readonly<Record<string, readonly { readonly HostPort: string }[] | null>> | null;
  };
};

/** Reads what `docker inspect` prints. */
export function readContainers(inspected: string): Container[] {
  return (JSON.parse(inspected) as Inspected[]).map(
    ({ Name, Created, State, Config: { Labels }, NetworkSettings }) => ({
      name: Name.replace(/^\//, ''),
      service: Labels['com.docker.compose.service'] ?? '',
      isOneOff: Labels['com.docker.compose.oneoff'] === 'True',
      status: State.Status,
      ...(State.Health === undefined || State.Health.Status === 'none'
        ? {}
        : { health: readHealth(State.Health.Status, State.Health.Log?.at(-1)) }),
      pid: State.Pid,
      exitCode: State.ExitCode,
      isOutOfMemory: State.OOMKilled,
      createdAt: Created,
      startedAt: State.StartedAt,
      finishedAt: State.FinishedAt,
      publishedPorts: Object.values(NetworkSettings.Ports ?? {}).flatMap((doors) =>
        (doors ?? []).map(({ HostPort }) => Number(HostPort)),
      ),
      composeArgs: composeArgsOf(Labels),
    }),
  );
}

function readHealth(
  status: NonNullable<Container['health']>['status'],
  last: Look | undefined,
): NonNullable<Container['health']> {
  return { status, isFailing: (last?.ExitCode ?? 0) !== 0, said: last?.Output.trim() ?? '' };
}

function composeArgsOf(labels: Readonly<Record<string, string>>): string[] {
  const label = (name: string): string[] =>
    (labels[`com.docker.compose.project${name}`] ?? '').split(',').filter(Boolean);
  return [
    ...label('').flatMap((project) => ['--project-name', project]),
    ...label('.working_dir').flatMap((folder) => ['--project-directory', folder]),
    ...label('.config_files').flatMap((file) => ['--file', file]),
    ...label('.environment_file').flatMap((file) => ['--env-file', file]),
  ];
}

function describeFailure(args: readonly string[], error: unknown): StackProblem {
  const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
    return new StackProblem('no_docker', 'Docker is not installed: there is no program docker on PATH.', {
      cause: error,
    });
  if (/cannot connect to the docker daemon|error during connect|permission denied.*docker/i.test(said))
    return new StackProblem('no_docker', `Docker's engine cannot be reached: ${said}`, { cause: error });
  const isLate = error instanceof Error && 'killed' in error && error.killed === true;
  const reason = isLate ? 'it gave no answer in time' : said || messageOf(error);
  return new StackProblem('docker_refused', `docker ${args[0]} ${args.at(-1)} failed: ${reason}`, { cause: error });
}
