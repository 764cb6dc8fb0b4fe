import { callGateway, listAll } from './gateway-client.ts';
import type { Asking, Words } from './operator-cli.ts';
import { StackProblem } from './stack-problem.ts';

export const paymentsHelp = `npm run payments -- [list]                       payments that the provider's answers do not end, with the last answer
npm run payments -- list --state settled         how such were settled, by whom and why, newest first
npm run payments -- settle <orderId> --refund <refundId> --reason "why"      it was refunded
npm run payments -- settle <orderId> --capture <captureId> --reason "why"    it was captured; of a cancelled order the refund follows
npm run payments -- settle <orderId> --declined "code" --reason "why"        it was declined
npm run payments -- settle <orderId> --voided --reason "why"                 nothing was or will be captured
Options: --json, --as <operator> (your user name unless told), --target native|compose.
Exit 0: done; 2: refused, or the shop could not be asked.`;

const states = ['waiting', 'settled'] as const;

/** What `npm run payments -- …` asks of the gateway. Throws a StackProblem that says what was expected. */
export function readPaymentRequest({ words, options }: Words): Asking {
  const [command = 'list', orderId, ...more] = words;
  if (command === 'list' && orderId === undefined) return listing(options);
  if (command === 'settle' && orderId !== undefined && more.length === 0) return settling(orderId, options);
  throw expected('list, or settle <orderId>');
}

function listing({ state = 'waiting' }: Words['options']): Asking {
  const known = states.find((each) => each === state);
  if (known === undefined) throw expected(`list [--state ${states.join('|')}]`);
  return async (shop, token) => {
    const items = await listAll(shop, token, `/v1/payments?state=${known}`);
    const lines =
      known === 'waiting' ? (items as Waiting[]).map(formatWaiting) : (items as Settlement[]).map(formatSettlement);
    return { body: { items }, text: lines.length === 0 ? nothing[known] : lines.join('\n') };
  };
}

const nothing = { waiting: 'No payment waits for a person.', settled: 'No payment was settled by hand.' };

function settling(orderId: string, options: Words['options']): Asking {
  const { refund, capture, declined, voided, reason } = options;
  const said = [
    ...(refund === undefined ? [] : [{ outcome: 'refunded', refundId: refund }]),
    ...(capture === undefined ? [] : [{ outcome: 'captured', captureId: capture }]),
    ...(declined === undefined ? [] : [{ outcome: 'declined', declineReason: declined }]),
    ...(voided === true ? [{ outcome: 'voided' }] : []),
  ];
  const [word] = said;
  if (word === undefined || said.length > 1)
    throw expected(
      'settle <orderId> with one of --refund <refundId>, --capture <captureId>, --declined "code", --voided',
    );
  if (reason === undefined) throw expected('settle … --reason "how you know"');
  return async (shop, token) => {
    const path = `/v1/payments/${encodeURIComponent(orderId)}/settle`;
    const body = (await callGateway(shop, 'POST', path, { token, body: { ...word, reason } })) as Settled;
    const how = body.settled ? 'settled now' : 'settled before';
    return { body, text: `The payment of ${body.orderId} is ${body.status}: ${how}.` };
  };
}

type Settled = { orderId: string; status: string; settled: boolean };
type Waiting = {
  orderId: string;
  status: string;
  amountMinor: number;
  currency: string;
  captureId: string | null;
  owedSince: string;
  attempts: number;
  askAt: string;
  lastAnswer: string;
};
type Settlement = {
  orderId: string;
  status: string;
  outcome: string;
  captureId: string | null;
  refundId: string | null;
  declineReason: string | null;
  operator: string | null;
  reason: string;
  settledAt: string;
};

function formatWaiting(payment: Waiting): string {
  const { orderId, status, amountMinor, currency, captureId, owedSince, attempts, askAt, lastAnswer } = payment;
  return [
    `${orderId}  ${status} since ${owedSince}`,
    `  ${(amountMinor / 100).toFixed(2)} ${currency}${captureId === null ? '' : `, capture ${captureId}`}; asked ${attempts} times, again at ${askAt}`,
    `  ${lastAnswer}`,
  ].join('\n');
}

function formatSettlement(settlement: Settlement): string {
  const { orderId, status, outcome, captureId, refundId, declineReason, operator, reason, settledAt } = settlement;
  const what = [outcome, captureId ?? refundId ?? declineReason].filter((part) => part !== null).join(' ');
  const who = operator === null ? "found in the provider's books" : `by ${operator}`;
  return `${settledAt}  ${orderId}  ${status} → ${what}, ${who}: ${reason}`;
}

function expected(what: string): StackProblem {
  return new StackProblem('bad_payments_command', `Expected payments -- ${what}.`);
}
