import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { ensureCached } from './cache-lock.ts';
import type { Say } from './part.ts';
import type { Settings } from './settings.ts';
import { messageOf, StackProblem } from './stack-problem.ts';

export type PrometheusPrograms = { readonly prometheus: string; readonly promtool: string };

const run = promisify(execFile);

/** Prometheus and promtool: those on PATH, else those of the Debian package, fetched once and unpacked beside the other downloads. */
export async function prometheusPrograms(
  settings: Settings,
  say: Say,
  signal: AbortSignal,
): Promise<PrometheusPrograms> {
  const installed = (process.env.PATH ?? '')
    .split(delimiter)
    .find((folder) => ['prometheus', 'promtool'].every((name) => existsSync(join(folder, name))));
  if (installed !== undefined) return programsIn(installed);
  const folder = join(settings.cache, 'prometheus-debian');
  const waiting = (): void => say('another start is fetching Prometheus');
  await ensureCached(folder, { waiting, signal }, () => fetchPackage(settings, folder, say, signal));
  return programsIn(join(folder, 'usr/bin'));
}

function programsIn(folder: string): PrometheusPrograms {
  return { prometheus: join(folder, 'prometheus'), promtool: join(folder, 'promtool') };
}

/** The folder exists only whole, because it is renamed into place. Nothing is installed, so nobody has to be root. */
async function fetchPackage(settings: Settings, folder: string, say: Say, signal: AbortSignal): Promise<void> {
  say('fetching Prometheus');
  const part = mkdtempSync(join(settings.cache, 'prometheus-part-'));
  try {
    await download(part, signal);
    const file = readdirSync(part).find((name) => name.endsWith('.deb'));
    if (file === undefined) throw new Error('apt-get fetched nothing');
    await run('dpkg', ['--extract', file, 'unpacked'], { cwd: part, signal });
    renameSync(join(part, 'unpacked'), folder);
  } catch (error) {
    if (signal.aborted) throw error;
    const message = `Prometheus is not on PATH and could not be fetched, which takes a Debian or Ubuntu with apt-get and a network (${messageOf(error)}). Install Prometheus so that prometheus and promtool are on PATH.`;
    throw new StackProblem('no_prometheus', message, { cause: error });
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
}

/** Where the machine's package lists are missing or old, with lists of its own: only root may renew those of the machine. */
async function download(folder: string, signal: AbortSignal): Promise<void> {
  const aptGet = (...args: string[]) => run('apt-get', args, { cwd: folder, signal });
  try {
    await aptGet('download', 'prometheus');
  } catch {
    const [lists, cache] = [join(folder, 'lists'), join(folder, 'cache')];
    mkdirSync(join(lists, 'partial'), { recursive: true });
    mkdirSync(cache);
    const ownLists = ['-o', `Dir::State::Lists=${lists}`, '-o', `Dir::Cache=${cache}`];
    await aptGet(...ownLists, 'update');
    await aptGet(...ownLists, 'download', 'prometheus');
  }
}
