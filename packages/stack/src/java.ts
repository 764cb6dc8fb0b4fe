import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { basename, delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { ensureCached } from './cache-lock.ts';
import type { Say } from './part.ts';
import type { Settings } from './settings.ts';
import { StackProblem } from './stack-problem.ts';

/** A folder with lib/ (the class path of broker and Connect), plugins/ (Debezium) and redis/ (a server for machines without one). */
export type JavaParts = { readonly folder: string; readonly classPath: string; readonly plugins: string };

const fetches = new Map<string, Promise<JavaParts>>();

/** The jars of infra/java/pom.xml, fetched by Maven the first time. Everyone who asks meanwhile waits for the same fetch. */
export function javaParts(settings: Settings, say: Say, signal: AbortSignal): Promise<JavaParts> {
  const folder = javaFolder(settings);
  if (!existsSync(folder)) say('fetching Java packages');
  const fetching =
    fetches.get(folder) ?? fetchJava(settings, folder, say, signal).finally(() => fetches.delete(folder));
  fetches.set(folder, fetching);
  return fetching;
}

/** Named after the pom's content: another version is another folder. It exists only whole, because it is renamed into place. */
export function javaFolder(settings: Settings): string {
  const pom = readFileSync(join(settings.root, 'infra/java/pom.xml'));
  return join(settings.cache, `java-${createHash('sha256').update(pom).digest('hex').slice(0, 12)}`);
}

async function fetchJava(settings: Settings, folder: string, say: Say, signal: AbortSignal): Promise<JavaParts> {
  const waiting = (): void => say('another start is fetching the Java packages');
  await ensureCached(folder, { waiting, signal }, () =>
    runMaven(join(settings.root, 'infra/java/pom.xml'), folder, say, signal),
  );
  const lib = join(folder, 'lib');
  // Sorted and spelled out: an archive of classes is only valid for the very class path it was made with.
  const jars = readdirSync(lib).toSorted();
  return { folder, classPath: jars.map((jar) => join(lib, jar)).join(delimiter), plugins: join(folder, 'plugins') };
}

async function runMaven(pom: string, folder: string, say: Say, signal: AbortSignal): Promise<void> {
  const part = `${folder}.part-${process.pid}`;
  removeParts(folder);
  const maven = spawn('mvn', ['--batch-mode', '-Dstyle.color=never', '-f', pom, 'package', `-Doutput=${part}`], {
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
  });
  const errors: string[] = [];
  let files = 0;
  createInterface({ input: maven.stdout }).on('line', (line) => {
    if (line.startsWith('[ERROR]')) errors.push(line);
    if (line.includes('Downloaded from ')) say(`fetching Java packages (${(files += 1)} files)`);
  });
  maven.stderr.on('data', (text: Buffer) => errors.push(String(text)));
  const code = await new Promise<number | null>((resolve, reject) => {
    maven.on('error', (error) =>
      reject(
        signal.aborted
          ? error
          : new StackProblem('no_maven', 'Maven (mvn) was not found. Install it, for example: apt-get install maven'),
      ),
    );
    maven.on('close', resolve);
  });
  if (code !== 0) {
    throw new StackProblem(
      'maven_failed',
      `Maven could not fetch the Java packages (exit code ${code}):\n${errors.slice(0, 8).join('\n')}\nIf the registry could not be reached, start again: what is already there is kept.`,
    );
  }
  renameSync(part, folder);
}

// What interrupted fetches left. A killed run's Maven may still be writing there: then the next fetch removes it.
function removeParts(folder: string): void {
  const parts = readdirSync(dirname(folder)).filter((name) => name.startsWith(`${basename(folder)}.part-`));
  for (const name of parts) {
    try {
      rmSync(join(dirname(folder), name), { recursive: true, force: true });
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOTEMPTY')) throw error;
    }
  }
}

export const JAVA_MAJOR_MIN = 17;

export type JavaVersion = { readonly text: string; readonly major: number };

const VERSION_WITHIN_MS = 20_000;

/** The version of the java program that will be used. JAVA_HOME wins over PATH. */
export async function javaVersion(): Promise<JavaVersion> {
  try {
    const { stderr, stdout } = await promisify(execFile)(javaProgram(), ['-version'], { timeout: VERSION_WITHIN_MS });
    return readJavaVersion(stderr + stdout);
  } catch (error) {
    throw new StackProblem(
      'no_java',
      `Java (${javaProgram()}) does not run. Install a JDK ${JAVA_MAJOR_MIN} or newer, for example: apt-get install openjdk-17-jdk-headless`,
      { cause: error },
    );
  }
}

/** Reads what `java -version` prints: 1.8 is 8, and some machines say other things before. */
export function readJavaVersion(said: string): JavaVersion {
  const text = said.split('\n').find((line) => line.includes(' version "')) ?? said.split('\n')[0] ?? '';
  const [, first = '0', second = '0'] = /"(\d+)(?:\.(\d+))?/.exec(text) ?? [];
  return { text, major: Number(first === '1' ? second : first) };
}

function javaProgram(): string {
  return process.env.JAVA_HOME === undefined || process.env.JAVA_HOME === ''
    ? 'java'
    : join(process.env.JAVA_HOME, 'bin/java');
}

export type Jvm = {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Keeps the class archive that the process wrote when it ended well. */
  readonly ended: (stopped: boolean) => void;
};

/**
 * Small, and quick to start. The second compiler is worth its time after minutes only: at 20 orders/s it takes a third of a core for the first of them,
 * after every start.
 */
export const smallJvm = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'] as const;

/** How to run a main class of the Java parts: small, and from the second start on with an archive of loaded classes, which saves a third of the start. */
export async function jvm(settings: Settings, java: JavaParts, name: string, heap: readonly string[]): Promise<Jvm> {
  const { text } = await javaVersion();
  const version = createHash('sha256').update(text).digest('hex').slice(0, 8);
  const archive = join(settings.cache, `${name}-${version}-${java.folder.slice(-12)}.jsa`);
  const made = `${archive}.${process.pid}`;
  const sharing = existsSync(archive)
    ? [`-XX:SharedArchiveFile=${archive}`, '-Xshare:auto']
    : [`-XX:ArchiveClassesAtExit=${made}`];
  const quiet = '-Xlog:cds=off,cds+dynamic=off';
  const log4j = `-Dlog4j2.configurationFile=${join(settings.root, 'infra/java/log4j2.properties')}`;
  return {
    program: javaProgram(),
    args: [...heap, ...smallJvm, ...sharing, quiet, log4j],
    // The class path by environment: a hundred jars in every process list help nobody.
    env: { PATH: process.env.PATH ?? '', LANG: 'C.UTF-8', TZ: 'UTC', CLASSPATH: java.classPath },
    ended: (stopped) => {
      if (!existsSync(made)) return;
      if (stopped) renameSync(made, archive);
      else rmSync(made, { force: true });
    },
  };
}
