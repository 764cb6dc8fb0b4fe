// A lock for what several runs might fetch or install at once. As plain as run.mjs, for the same reason.
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'fs';

const LOCK_WAIT_MS_MAX = 600000;
const LOCK_LOOK_MS = 200;

/** Does the work while no other run does any under the same path. */
export async function withLock(path, work) {
  const deadline = Date.now() + LOCK_WAIT_MS_MAX;
  let told = false;
  while (!takeLock(path)) {
    if (Date.now() > deadline)
      throw stop(
        `Another run has held ${path} for ${LOCK_WAIT_MS_MAX / 60000} minutes. If no other start is running, remove that file.`,
      );
    if (!told) console.error('  another run is fetching the same things; waiting for it …');
    told = true;
    await new Promise((resolve) => setTimeout(resolve, LOCK_LOOK_MS));
  }
  try {
    await work();
  } finally {
    rmSync(path, { force: true });
  }
}

// A lock names its process by id and start time, so one left by a killed run is known for dead even when the id has been given out again.
function takeLock(path) {
  try {
    writeFileSync(`${path}.${process.pid}`, holder(process.pid));
    linkSync(`${path}.${process.pid}`, path);
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  } finally {
    rmSync(`${path}.${process.pid}`, { force: true });
  }
  breakDeadLock(path);
  return false;
}

// Taken aside before it is removed: had another run broken it first and locked anew, that lock is given back.
function breakDeadLock(path) {
  const aside = `${path}.${process.pid}`;
  try {
    const held = readFileSync(path, 'utf8');
    if (held === holder(held.split(' ')[0])) return;
    renameSync(path, aside);
    if (readFileSync(aside, 'utf8') !== held) linkSync(aside, path);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

function holder(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return `${pid} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`;
  } catch {
    return `${pid} gone`;
  }
}

/** An error whose message says what to do, so it is shown without a stack trace. */
export function stop(message) {
  return Object.assign(new Error(message), { expected: true });
}
