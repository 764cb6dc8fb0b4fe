import type { Shop } from './shop.ts';
import { messageOf, StackProblem } from './stack-problem.ts';

const nonsenses = ['wrong_amount', 'unknown_status', 'bad_json'] as const;

export type PspControls = {
  latencyMs: number;
  errorRate: number;
  lostReplies: number;
  down: boolean;
  nonsense: 'none' | (typeof nonsenses)[number];
};

const answerTimeoutMs = 5_000;

/** What `psp <command> <value>` asks of the provider: to tell its controls, to behave again, or to change one of them. */
export type PspRequest = { kind: 'status' } | { kind: 'up' } | { kind: 'change'; change: Partial<PspControls> };

/** Reads the words after `psp`. Throws a StackProblem that says what was expected. */
export function readPspRequest(command = '', value?: string): PspRequest {
  switch (command) {
    case 'status':
    case 'up':
      return { kind: command };
    case 'down':
      return { kind: 'change', change: { down: true } };
    case 'latency':
      return { kind: 'change', change: { latencyMs: numberOf(value, 'psp latency 3000 (milliseconds)') } };
    case 'errors':
      return { kind: 'change', change: { errorRate: numberOf(value, 'psp errors 0.3 (a share from 0 to 1)') } };
    case 'lose':
      return { kind: 'change', change: { lostReplies: numberOf(value, 'psp lose 5 (how many replies)') } };
    case 'nonsense':
      return { kind: 'change', change: { nonsense: nonsenseOf(value) } };
    default:
      throw new StackProblem(
        'bad_psp_command',
        'Expected psp status|up|down|latency <ms>|errors <share>|lose <count>|nonsense <kind>.',
      );
  }
}

/** Tells the provider of a running shop how to misbehave, and what it does then. Other controls stay as they are, except that `up` ends them all. */
export async function controlPsp(shop: Pick<Shop, 'pspUrl' | 'pspApiKey'>, request: PspRequest): Promise<PspControls> {
  switch (request.kind) {
    case 'status':
      return ask(shop, 'GET');
    case 'up':
      return ask(shop, 'DELETE');
    case 'change':
      return ask(shop, 'PUT', { ...(await ask(shop, 'GET')), ...request.change });
    default:
      return request satisfies never;
  }
}

/** The controls in one line, for a human. */
export function formatPspControls({ latencyMs, errorRate, lostReplies, down, nonsense }: PspControls): string {
  const troubles = [
    ...(down ? ['down'] : []),
    ...(latencyMs > 0 ? [`${latencyMs} ms latency`] : []),
    ...(errorRate > 0 ? [`${errorRate * 100} % errors`] : []),
    ...(lostReplies > 0 ? [`the next ${lostReplies} replies are lost`] : []),
    ...(nonsense === 'none' ? [] : [`answers nonsense (${nonsense})`]),
  ];
  return `psp: ${troubles.length === 0 ? 'behaves' : troubles.join(', ')}`;
}

async function ask(
  { pspUrl, pspApiKey }: Pick<Shop, 'pspUrl' | 'pspApiKey'>,
  method: 'GET' | 'PUT' | 'DELETE',
  controls?: PspControls,
): Promise<PspControls> {
  const authorization = `Bearer ${pspApiKey}`;
  const response = await fetch(`${pspUrl}/v1/controls`, {
    method,
    signal: AbortSignal.timeout(answerTimeoutMs),
    ...(controls === undefined
      ? { headers: { authorization } }
      : { headers: { authorization, 'content-type': 'application/json' }, body: JSON.stringify(controls) }),
  }).catch((error: unknown) => {
    throw new StackProblem(
      'psp_unreachable',
      `The psp does not answer at ${pspUrl} (${messageOf(error)}). Look at: npm run stack -- logs psp`,
      { cause: error },
    );
  });
  if (!response.ok)
    throw new StackProblem(
      'psp_refused',
      `The psp answered ${response.status}: ${(await response.text()).slice(0, 500)}`,
    );
  return (await response.json()) as PspControls;
}

function numberOf(value: string | undefined, example: string): number {
  const number = Number(value);
  if (value === undefined || value === '' || !(number >= 0))
    throw new StackProblem('bad_psp_value', `Expected a number of at least 0, as in: ${example}.`);
  return number;
}

function nonsenseOf(value: string | undefined): PspControls['nonsense'] {
  const nonsense = nonsenses.find((known) => known === value);
  if (nonsense === undefined)
    throw new StackProblem('bad_psp_value', `Expected a kind of nonsense: psp nonsense ${nonsenses.join('|')}.`);
  return nonsense;
}
