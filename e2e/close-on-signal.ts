const closers = new Set<() => Promise<unknown>>();
let isClosing = false;

/** Until the answer is called, a signal ends this process only after `close`: the runner ends what takes too long with one, and then nothing runs after the tests. */
export function closeOnSignal(close: () => Promise<unknown>): () => void {
  if (closers.size === 0) process.on('SIGINT', closeAll).on('SIGTERM', closeAll);
  closers.add(close);
  return () => {
    closers.delete(close);
    if (closers.size === 0) process.off('SIGINT', closeAll).off('SIGTERM', closeAll);
  };
}

/** Resolves unless a signal came: then what would come next must not begin, for this process ends when all is closed. */
export async function goOnUnlessClosing(): Promise<void> {
  if (isClosing) await new Promise(() => {});
}

// A signal to the whole process group comes twice, the second time from scripts/run.mjs, which passes its own on.
function closeAll(): void {
  if (isClosing) return;
  isClosing = true;
  void Promise.allSettled([...closers].map((close) => close())).finally(() => process.exit(1));
}
