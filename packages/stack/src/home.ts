import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { StackProblem } from './stack-problem.ts';

export type SystemUser = { readonly uid: number; readonly gid: number };

// The kernel's limit for the path of a unix socket is 107 bytes.
const SOCKET_PATH_BYTES_MAX = 107;

/**
 * Where the running shop lives: SAGAMART_HOME, else .sagamart in the checkout, else, where PostgreSQL could not work there (run as root in a folder
 * that its user cannot reach, or a path too long for a socket), a folder of this checkout's own under /var/tmp.
 */
export function chooseHome(root: string, asked: string | undefined): string {
  const home = resolve(asked || join(root, '.sagamart'));
  const obstacle = homeObstacle(home);
  if (obstacle === undefined) return home;
  if (asked !== undefined && asked !== '')
    throw new StackProblem(
      'bad_home',
      `SAGAMART_HOME=${home} cannot be used: ${obstacle}. Choose another folder, for example /var/tmp/sagamart.`,
    );
  return join('/var/tmp', `sagamart-${createHash('sha256').update(root).digest('hex').slice(0, 12)}`);
}

function homeObstacle(home: string): string | undefined {
  if (Buffer.byteLength(controlSocket(home)) > SOCKET_PATH_BYTES_MAX)
    return `its path is longer than a unix socket allows (${SOCKET_PATH_BYTES_MAX} bytes)`;
  if (isRoot() && !isReachable(home))
    return 'PostgreSQL does not run as root, and the user nobody cannot reach that folder';
  return undefined;
}

const FOLDERS = ['data', 'log', 'run', 'etc'];
const OWN_NAMES = new Set([...FOLDERS, 'keys', 'programs', 'control.sock', 'added-parts.json', 'lost+found']);

/** Makes the home's folders. Everyone may pass through (PostgreSQL's user must), nobody else may look. */
export function makeHome(home: string): void {
  try {
    makeFolder(home);
  } catch (error) {
    const message = `${home} cannot be made (${error instanceof Error && 'code' in error ? String(error.code) : String(error)}). Set SAGAMART_HOME to a folder that you may write to.`;
    throw new StackProblem('bad_home', message, { cause: error });
  }
  const owner = statSync(home).uid;
  if (process.getuid?.() !== owner)
    throw new StackProblem('bad_home', `${home} belongs to user ${owner}. Set SAGAMART_HOME to a folder of your own.`);
  const foreign = readdirSync(home).find((name) => !OWN_NAMES.has(name) && !name.startsWith('.'));
  if (foreign !== undefined)
    throw new StackProblem(
      'bad_home',
      `${home} holds other things (${foreign}). Set SAGAMART_HOME to an empty folder.`,
    );
  for (const folder of FOLDERS) mkdirSync(join(home, folder), { recursive: true, mode: 0o711 });
  mkdirSync(join(home, 'keys'), { recursive: true, mode: 0o700 });
}

// Not mkdir's own `recursive`, which tries for ever where the kernel makes no folders: under /proc.
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  try {
    mkdirSync(path, { mode: 0o711 });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
}

export function controlSocket(home: string): string {
  return join(home, 'control.sock');
}

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** Whether a user with no rights of its own can get to a file: every folder above it may be passed through by others. */
export function isReachable(path: string): boolean {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const stat = statSync(folder, { throwIfNoEntry: false });
    if (stat !== undefined && (stat.mode & 0o001) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
}

/** Who PostgreSQL runs as: ourselves, or nobody when we are root, which it refuses. */
export function postgresUser(): SystemUser | undefined {
  if (!isRoot()) return undefined;
  const fields = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .find(([name]) => name === 'nobody');
  if (fields === undefined)
    throw new StackProblem(
      'no_user',
      'PostgreSQL does not run as root and there is no user nobody. Start the shop as an ordinary user.',
    );
  return { uid: Number(fields[2]), gid: Number(fields[3]) };
}
