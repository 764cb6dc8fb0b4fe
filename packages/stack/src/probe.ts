import { once } from 'node:events';
import { connect } from 'node:net';

const PROBE_WITHIN_MS = 1_000;

/** Resolves when the address answers with a 2xx. */
export async function probeHttp(url: string): Promise<void> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(PROBE_WITHIN_MS) });
  const said = await answer.text();
  if (!answer.ok) throw new Error([`${url} answers ${answer.status}`, ...readReadiness(said)].join(': '));
}

/** What an answer of /readyz has to say: why a part is not ready, and what somebody has to look at. Nothing where it is none. */
export function readReadiness(said: string): string[] {
  try {
    const answer = JSON.parse(said) as { errors?: { detail: string }[]; alarms?: string[] } | null;
    return [...(answer?.errors ?? []).map(({ detail }) => detail), ...(answer?.alarms ?? [])];
  } catch {
    return [];
  }
}

/** Sends bytes and resolves when the first bytes of the answer satisfy `expected`. */
export async function probeTcp(
  address: { host: string; port: number },
  question: Buffer,
  expected: (answer: Buffer) => boolean,
): Promise<void> {
  const socket = connect(address);
  const signal = AbortSignal.timeout(PROBE_WITHIN_MS);
  try {
    await once(socket, 'connect', { signal });
    socket.write(question);
    const [answer] = (await once(socket, 'data', { signal })) as [Buffer];
    if (!expected(answer)) throw new Error(`${address.host}:${address.port} gives another answer than expected`);
  } finally {
    socket.destroy();
  }
}
