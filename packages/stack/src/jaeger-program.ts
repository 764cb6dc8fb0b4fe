import { execFile } from 'node:child_process';
import { renameSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { ensureCached } from './cache-lock.ts';
import type { Say } from './part.ts';
import type { Settings } from './settings.ts';
import { messageOf, StackProblem } from './stack-problem.ts';

// The last Go module of Jaeger; its code is that of Jaeger 2.13, the image in infra/compose/observability.yml.
const MODULE = 'github.com/jaegertracing/jaeger@v1.76.0';
// The second is where Go's own archive is unpacked to, which is on nobody's PATH by itself.
const GO_PATH = [process.env.PATH ?? '', '/usr/local/go/bin'].join(delimiter);

const run = promisify(execFile);

/** Unmodified Jaeger, built with Go the first time and kept beside the other downloads. The web page is not in the module, only its API. */
export async function jaegerProgram(
  settings: Settings,
  say: Say,
  signal: AbortSignal,
  goPath = GO_PATH,
): Promise<string> {
  const program = join(settings.cache, MODULE.replace(/^.*\//, ''));
  const waiting = (): void => say('another start is building Jaeger');
  await ensureCached(program, { waiting, signal }, () =>
    build(program, { ...process.env, PATH: goPath, CGO_ENABLED: '0' }, say, signal),
  );
  return program;
}

/** The program exists only whole, because it is renamed into place. */
async function build(program: string, env: NodeJS.ProcessEnv, say: Say, signal: AbortSignal): Promise<void> {
  const part = `${program}.part-${process.pid}`;
  try {
    say('fetching the source of Jaeger');
    const { stdout } = await run('go', ['mod', 'download', '-json', MODULE], { env, signal });
    const { Dir: cwd } = JSON.parse(stdout) as { Dir: string };
    say('building Jaeger: seven minutes on two cores, once');
    await run('go', ['build', '-trimpath', '-ldflags=-s -w', '-o', part, './cmd/jaeger'], { cwd, env, signal });
    renameSync(part, program);
  } catch (error) {
    if (signal.aborted) throw error;
    throw problemOf(error);
  } finally {
    rmSync(part, { force: true });
  }
}

function problemOf(cause: unknown): StackProblem {
  if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') {
    const message = `Jaeger is built with Go, and no go was found in ${GO_PATH}. Install it (https://go.dev/dl), or run the shop in containers, where Jaeger is an image.`;
    return new StackProblem('no_go', message, { cause });
  }
  const message = `Jaeger could not be built: ${messageOf(cause)}\nIf a module could not be fetched, add it again: what is already there is kept.`;
  return new StackProblem('jaeger_failed', message, { cause });
}
