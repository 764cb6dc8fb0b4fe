const closers = new Set<() => Promise<unknown>>();

/** Until the answer is called, a signal ends this process only after `close`: the runner ends what takes too long with one, and then nothing runs after the tests. */
export function closeOnSignal(close: () => Promise<unknown>): () => void {
  if (closers.size === 0) process.once('SIGINT', closeAll).once('SIGTERM', closeAll);
  closers.add(close);
  return () => {
    closers.delete(close);
    if (closers.size === 0) process.off('SIGINT', closeAll).off('SIGTERM', closeAll);
  };
}

function closeAll(): void {
  void Promise.allSettled([...closers].map((close) => close())).finally(() => process.exit(1));
}
