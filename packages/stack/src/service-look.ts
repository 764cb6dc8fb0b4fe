import type { Sight } from './part.ts';
import { readReadiness } from './probe.ts';

const ANSWER_WITHIN_MS = 1_500;
/** Of two clocks on one machine, or in one data centre. HTTP tells whole seconds. */
const CLOCK_OFF_MS_MAX = 3_000;

/** Asks a process of ours at /readyz what it thinks of itself. Rejects when it gives no answer, as one does whose event loop is busy. */
export async function lookAtService(url: string): Promise<Sight> {
  const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
  const words = readReadiness(await answer.text());
  const clock = describeClock(new Date(answer.headers.get('date') ?? Number.NaN), new Date());
  if (answer.ok) return { state: 'running', words: [...words, ...clock] };
  return {
    state: 'unhealthy',
    words: [...(words.length === 0 ? [`/readyz answers ${answer.status}`] : words), ...clock],
  };
}

/** A word when somebody's clock and ours do not agree. */
export function describeClock(theirs: Date, ours: Date): string[] {
  const offMs = theirs.getTime() - ours.getTime();
  if (!(Math.abs(offMs) > CLOCK_OFF_MS_MAX)) return [];
  return [`its clock is ${Math.round(Math.abs(offMs) / 1_000)} s ${offMs > 0 ? 'ahead' : 'behind'}`];
}
