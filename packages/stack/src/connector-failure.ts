/** The reason in a Java trace: it names the real one last. */
export function failureInTrace(trace: string | undefined): string {
  const lines = (trace ?? 'no reason given').split('\n');
  return (lines.findLast((line) => line.startsWith('Caused by: ')) ?? lines[0] ?? '').replace(/^Caused by: /, '');
}

/** Why a connector last could not go on, by Connect's log; undefined where the log does not tell. A task that tries again for ever says so only there. */
export function failureInLog(log: string, connector: string): string | undefined {
  const lines = log.split('\n');
  const at = lines.findLastIndex((line) => line.includes(`{id=${connector}-`) && /failed|exception|killed/i.test(line));
  if (at < 0) return undefined;
  const end = lines.findIndex((line, index) => index > at && /^\d{4}-\d\d-\d\dT/.test(line));
  const trace = lines.slice(at + 1, end < 0 ? undefined : end);
  return trace.length === 0 ? undefined : failureInTrace(trace.join('\n'));
}
