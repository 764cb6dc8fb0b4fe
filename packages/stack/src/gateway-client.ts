import type { Shop } from './shop.ts';
import { StackProblem } from './stack-problem.ts';

export type Door = Pick<Shop, 'gatewayUrl' | 'operatorSecret'>;

const answerTimeoutMs = 15_000;
const pageLimit = 100;
/** What a list shows at most: more is for a program that reads the pages itself. */
const listedMax = 1_000;

/** A session token for an operator of this name. Throws a StackProblem with the gateway's refusal. */
export async function openOperatorSession(shop: Door, name: string): Promise<string> {
  const body = { role: 'operator', name, secret: shop.operatorSecret };
  return ((await callGateway(shop, 'POST', '/v1/sessions', { body })) as { token: string }).token;
}

/** Asks the gateway. Throws a StackProblem with its refusal, field by field. */
export async function callGateway(
  { gatewayUrl }: Pick<Shop, 'gatewayUrl'>,
  method: 'GET' | 'POST',
  path: string,
  { token, body }: { token?: string; body?: object },
): Promise<unknown> {
  const response = await fetch(`${gatewayUrl}${path}`, {
    method,
    signal: AbortSignal.timeout(answerTimeoutMs),
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answer: unknown = await response.json();
  if (response.ok) return answer;
  const {
    code,
    detail,
    errors = [],
  } = answer as {
    code: string;
    detail: string;
    errors?: { pointer: string; detail: string }[];
  };
  const fields = errors.map((error) => ` ${error.pointer} ${error.detail}.`);
  throw new StackProblem(code, `${response.status} ${code}: ${detail}${fields.join('')}`);
}

/** All pages of a list as one, up to a thousand items. `path` has a query already. */
export async function listAll(shop: Pick<Shop, 'gatewayUrl'>, token: string, path: string): Promise<unknown[]> {
  const all: unknown[] = [];
  for (let cursor: string | null = ''; cursor !== null && all.length < listedMax;) {
    const search = `${path}&limit=${pageLimit}${cursor === '' ? '' : `&cursor=${cursor}`}`;
    const page = (await callGateway(shop, 'GET', search, { token })) as { items: unknown[]; nextCursor: string | null };
    all.push(...page.items);
    cursor = page.nextCursor;
  }
  return all;
}
