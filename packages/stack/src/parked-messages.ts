import { callGateway, openOperatorSession } from './gateway-client.ts';
import type { Shop } from './shop.ts';
import { StackProblem } from './stack-problem.ts';

/** What `npm run parked -- …` asks of the gateway. */
export type ParkedRequest =
  | { kind: 'list'; status: (typeof statuses)[number] }
  | { kind: 'show'; id: string }
  | { kind: 'replay'; id: string }
  | { kind: 'discard'; id: string; reason: string }
  | { kind: 'release'; service: string; reason: string };

const statuses = ['parked', 'replayed', 'discarded'] as const;
const pageLimit = 100;
/** What a list shows at most: more is for --json and a program. */
const listedMax = 1_000;

/** Reads the words and options of the command. Throws a StackProblem that says what was expected. */
export function readParkedRequest(
  words: readonly string[],
  options: { reason?: string | undefined; status?: string | undefined },
): ParkedRequest {
  const [command = 'list', id, ...more] = words;
  const expected = (what: string): StackProblem =>
    new StackProblem('bad_parked_command', `Expected parked -- ${what}.`);
  if (more.length > 0) throw expected('one command and at most one id');
  if (command === 'list') {
    const status = statuses.find((each) => each === (options.status ?? 'parked'));
    if (status === undefined || id !== undefined) throw expected(`list [--status ${statuses.join('|')}]`);
    return { kind: 'list', status };
  }
  if (command === 'release') {
    if (id === undefined || options.reason === undefined)
      throw expected('release <service> --reason "why its messages are at fault"');
    return { kind: 'release', service: id, reason: options.reason };
  }
  if (command !== 'show' && command !== 'replay' && command !== 'discard')
    throw expected('list|show|replay|discard|release');
  if (id === undefined) throw expected(`${command} <id>`);
  if (command !== 'discard') return { kind: command, id };
  if (options.reason === undefined) throw expected('discard <id> --reason "why it is given up"');
  return { kind: 'discard', id, reason: options.reason };
}

export type ListedMessage = {
  id: string;
  service: string;
  topic: string;
  key: string;
  type: string;
  reason: string;
  error: string;
  attempts: number;
  parkedAt: string;
  status: string;
  waitingBehind: number;
  acts: { act: string; operator: string; reason: string | null; outcome: string; actedAt: string }[];
};
type Listed = { items: ListedMessage[]; unavailable: string[] };
type Shown = ListedMessage & {
  headers: Record<string, string>;
  payload: string | null;
  waiting: ListedMessage[];
};
type Settled = {
  service: string;
  id: string;
  status: string;
  handledBehind: number;
  next: { id: string; reason: string; error: string; waitingBehind: number } | null;
};
export type ParkedAnswer =
  | { kind: 'list'; body: Listed }
  | { kind: 'show'; body: Shown }
  | { kind: 'replay' | 'discard'; body: Settled }
  | { kind: 'release'; body: { service: string; released: string } };

/** Does what was asked, as an operator of this name. Throws a StackProblem with the gateway's refusal. */
export async function askAboutParked(
  shop: Pick<Shop, 'gatewayUrl' | 'operatorSecret'>,
  operator: string,
  request: ParkedRequest,
): Promise<ParkedAnswer> {
  const token = await openOperatorSession(shop, operator);
  switch (request.kind) {
    case 'list':
      return { kind: 'list', body: await list(shop, token, request.status) };
    case 'show':
      return { kind: 'show', body: (await callGateway(shop, 'GET', pathOf(request.id), { token })) as Shown };
    case 'replay':
      return {
        kind: 'replay',
        body: (await callGateway(shop, 'POST', `${pathOf(request.id)}/replay`, { token })) as Settled,
      };
    case 'discard': {
      const body = { reason: request.reason };
      const settled = await callGateway(shop, 'POST', `${pathOf(request.id)}/discard`, { token, body });
      return { kind: 'discard', body: settled as Settled };
    }
    case 'release': {
      const path = `/v1/services/${encodeURIComponent(request.service)}/pause/release`;
      const released = await callGateway(shop, 'POST', path, { token, body: { reason: request.reason } });
      return { kind: 'release', body: released as { service: string; released: string } };
    }
    default:
      return request satisfies never;
  }
}

/** The answer for a human. */
export function formatParked(answer: ParkedAnswer): string {
  switch (answer.kind) {
    case 'list':
      return formatList(answer.body);
    case 'show':
      return formatShown(answer.body);
    case 'replay':
    case 'discard':
      return formatSettled(answer.body);
    case 'release':
      return `${answer.body.service} parks for ten minutes what fails with: ${answer.body.released}`;
    default:
      return answer satisfies never;
  }
}

function formatList({ items, unavailable }: Listed): string {
  const silent = unavailable.map((service) => `${service} does not answer: what it parked is not listed.`);
  return [...(items.length === 0 ? ['No such messages.'] : items.map(formatMessage)), ...silent].join('\n');
}

function formatMessage(message: ListedMessage): string {
  const { id, service, topic, key, type, reason, error, attempts, parkedAt, status, waitingBehind, acts } = message;
  return [
    `${id}  ${status} at ${service} since ${parkedAt}`,
    `  ${type === '' ? 'a message without a type' : type} of ${topic}, key ${key}`,
    `  ${reason} (${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}): ${error}`,
    ...(waitingBehind > 0 ? [`  ${waitingBehind} waiting behind it`] : []),
    ...acts.map(
      ({ act, operator, reason: why, outcome, actedAt }) =>
        `  ${actedAt} ${act} by ${operator}: ${outcome}${why === null ? '' : ` (${why})`}`,
    ),
  ].join('\n');
}

function formatShown(message: Shown): string {
  return [
    formatMessage(message),
    '  headers',
    ...Object.entries(message.headers).map(([name, value]) => `    ${name}: ${value}`),
    '  payload',
    `    ${message.payload ?? '(none)'}`,
    ...message.waiting.map(({ id, type }) => `  behind it: ${id}  ${type}`),
  ].join('\n');
}

function formatSettled({ id, service, status, handledBehind, next }: Settled): string {
  const behind = handledBehind === 0 ? '' : `, and ${handledBehind} handled that waited behind it`;
  if (next === null) return `${id} is ${status} at ${service}${behind}. Nothing of its key waits any more.`;
  const others = next.waitingBehind === 0 ? '' : `, ${next.waitingBehind} behind it`;
  return `${id} is ${status} at ${service}${behind}.\nFirst in line now: ${next.id}${others}\n  ${next.reason}: ${next.error}`;
}

async function list(shop: Pick<Shop, 'gatewayUrl'>, token: string, status: string): Promise<Listed> {
  const items: ListedMessage[] = [];
  const unavailable = new Set<string>();
  for (let cursor: string | null = ''; cursor !== null && items.length < listedMax;) {
    const search = `?status=${status}&limit=${pageLimit}${cursor === '' ? '' : `&cursor=${cursor}`}`;
    const page = (await callGateway(shop, 'GET', `/v1/parked-messages${search}`, { token })) as Listed & {
      nextCursor: string | null;
    };
    items.push(...page.items);
    for (const service of page.unavailable) unavailable.add(service);
    cursor = page.nextCursor;
  }
  return { items, unavailable: [...unavailable] };
}

function pathOf(id: string): string {
  return `/v1/parked-messages/${encodeURIComponent(id)}`;
}
