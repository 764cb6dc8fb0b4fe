import type { Sight } from '../part.ts';
import { messageOf } from '../stack-problem.ts';
import { type Container, docker, readLog } from './docker.ts';
import { failureInLog } from '../connector-failure.ts';

/** What the watch beside the data last saw of each part, and since when it has been so. */
export type Sights = Record<string, Sight & { since: string }>;

const ANSWER_WITHIN_MS = 5_000;
const LOG_LINES = 400;
const WATCH = 'connector-watch';
// The tools of this repository are not in every image, but Node is in this one.
const askForSights =
  'fetch(`http://127.0.0.1:${process.env.PORT}/sights`).then(async (answer) => console.log(await answer.text()))';

/** Asks the watch of these containers what it sees. Where it does not answer that is what is seen of it, and nothing is known of the others. */
export async function readSights(containers: readonly Container[], now: Date): Promise<Sights> {
  const watch = containers.find(({ service, isOneOff }) => service === WATCH && !isOneOff);
  if (watch?.status !== 'running') return {};
  try {
    const said = await docker(['exec', watch.name, 'node', '--eval', askForSights], { withinMs: ANSWER_WITHIN_MS });
    return await withReason(JSON.parse(said) as Sights, containers);
  } catch (error) {
    const words = [
      `it does not say what it sees, so the state of the others is only Docker's word (${messageOf(error)})`,
    ];
    return watch.health?.status === 'starting'
      ? {}
      : { [WATCH]: { state: 'unhealthy', words, since: now.toISOString() } };
  }
}

/** A task that tries again for ever says why only in Connect's log, which the watch cannot read. */
async function withReason(sights: Sights, containers: readonly Container[]): Promise<Sights> {
  const { connect } = sights;
  const container = containers.find(({ service, isOneOff }) => service === 'connect' && !isOneOff);
  if (connect?.state !== 'unhealthy' || container === undefined) return sights;
  const log = await readLog(container.name, LOG_LINES).catch(() => '');
  const words = connect.words.map((text) => {
    const [name = ''] = /\w+-outbox/.exec(text) ?? [];
    const cause = name === '' ? undefined : failureInLog(log, name);
    return cause === undefined || text.includes(cause) ? text : `${text} (${cause})`;
  });
  return { ...sights, connect: { ...connect, words } };
}
