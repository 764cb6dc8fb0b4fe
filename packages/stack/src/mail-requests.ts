import { callGateway, listAll } from './gateway-client.ts';
import type { Asking, Words } from './operator-cli.ts';
import { StackProblem } from './stack-problem.ts';

export const notificationsHelp = `npm run notifications -- [list]                  mails that the mail server does not take, with its last answer
npm run notifications -- list --state refused    those given up, newest first
npm run notifications -- list --state acts       what was done about any, by whom and why
npm run notifications -- resend <orderId> [confirmed|cancelled] [--to address] --reason "why"    send it once more, now
npm run notifications -- give-up <orderId> [confirmed|cancelled] --reason "why"                  send it no more
Options: --json, --as <operator> (your user name unless told), --target native|compose.
Exit 0: done; 2: refused, or the shop could not be asked.`;

const states = ['waiting', 'refused', 'acts'] as const;
const outcomes = ['confirmed', 'cancelled'];

/** What `npm run notifications -- …` asks of the gateway. Throws a StackProblem that says what was expected. */
export function readMailRequest({ words, options }: Words): Asking {
  const [command = 'list', orderId, outcome, ...more] = words;
  if (command === 'list' && orderId === undefined) return listing(options);
  if ((command !== 'resend' && command !== 'give-up') || orderId === undefined || more.length > 0)
    throw expected('list, resend <orderId> or give-up <orderId>');
  if (outcome !== undefined && !outcomes.includes(outcome))
    throw expected(`${command} <orderId> ${outcomes.join('|')}`);
  const { to, reason } = options;
  if (reason === undefined) throw expected(`${command} … --reason "why"`);
  if (to !== undefined && command === 'give-up') throw expected('resend … --to address');
  return async (shop, token) => {
    const path = `/v1/notifications/${encodeURIComponent(orderId)}/${command}`;
    const body = (await callGateway(shop, 'POST', path, { token, body: { outcome, to, reason } })) as Acted;
    const now = body.items.map((item) => `${item.outcome} ${item.status}`).join(', ');
    const changed = body.changed === 0 ? 'There was nothing left to do' : 'Done';
    return { body, text: `${changed}. What the customer of ${body.orderId} is told: ${now}.` };
  };
}

function listing({ state = 'waiting' }: Words['options']): Asking {
  const known = states.find((each) => each === state);
  if (known === undefined) throw expected(`list [--state ${states.join('|')}]`);
  return async (shop, token) => {
    const items = await listAll(shop, token, `/v1/notifications?state=${known}`);
    const lines = known === 'acts' ? (items as MailAct[]).map(formatAct) : (items as Untold[]).map(formatUntold);
    return { body: { items }, text: lines.length === 0 ? nothing[known] : lines.join('\n') };
  };
}

const nothing = {
  waiting: 'No mail waits for a person.',
  refused: 'No mail was given up.',
  acts: 'Nobody has done anything about a mail.',
};

type Acted = { orderId: string; changed: number; items: { outcome: string; status: string }[] };
type Untold = {
  orderId: string;
  outcome: string;
  status: string;
  email: string;
  attempts: number;
  failingSince: string | null;
  nextAttemptAt: string;
  lastAnswer: string | null;
};
type MailAct = {
  orderId: string;
  outcome: string;
  act: string;
  changesAddress: boolean;
  operator: string;
  reason: string;
  actedAt: string;
};

function formatUntold(mail: Untold): string {
  const { orderId, outcome, status, email, attempts, failingSince, nextAttemptAt, lastAnswer } = mail;
  const next = status === 'pending' ? `, again at ${nextAttemptAt}` : '';
  return [
    `${orderId}  ${outcome}: ${status}${failingSince === null ? '' : `, failing since ${failingSince}`}`,
    `  to ${email}; tried ${attempts} times${next}`,
    ...(lastAnswer === null ? [] : [`  ${lastAnswer}`]),
  ].join('\n');
}

function formatAct({ orderId, outcome, act, changesAddress, operator, reason, actedAt }: MailAct): string {
  const where = changesAddress ? ' to another address' : '';
  return `${actedAt}  ${orderId}  ${outcome}: ${act}${where} by ${operator}: ${reason}`;
}

function expected(what: string): StackProblem {
  return new StackProblem('bad_notifications_command', `Expected notifications -- ${what}.`);
}
