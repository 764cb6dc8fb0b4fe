import { chmodSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { controlSocket } from './home.ts';
import { PART_WAIT_SECONDS, type PartAction, partActions, type Shop } from './shop.ts';
import { messageOf, StackProblem } from './stack-problem.ts';
import type { ShopStatus } from './supervisor.ts';

/** A shop that can be asked and told things, whatever it runs on. */
export type ControlledShop = {
  readonly status: () => ShopStatus | Promise<ShopStatus>;
  readonly actOnPart: (name: string, action: PartAction, options: ActOptions) => Promise<void>;
  readonly close: (withinMs?: number) => Promise<void>;
};

export type ActOptions = {
  /** A killed part is not started again. */
  readonly leave: boolean;
  /** Rejects after this with what it waited for. */
  readonly withinMs: number;
};

export type ControlAnswer = { readonly status: number; readonly body: unknown };

/** Listens on the home's socket for whoever wants to find the shop, and passes every other question on. Only the shop's own user can open it. */
export async function openControl(
  home: string,
  { describe, answer }: { describe: () => Shop; answer: (path: string) => Promise<ControlAnswer> },
): Promise<{ close: () => void }> {
  const path = controlSocket(home);
  // Whoever holds the home's lock may: a file found here was left by a killed supervisor.
  rmSync(path, { force: true });
  const server = createServer((request, response) => {
    if (request.url === '/shop') return reply(response, { status: 200, body: describe() });
    void answer(request.url ?? '/').then((said) => reply(response, said));
  });
  server.listen(path);
  await once(server, 'listening');
  chmodSync(path, 0o600);
  return {
    // Closing removes the socket's file as well.
    close: () => void server.close(),
  };
}

/** What a shop says to a path of its control socket; never rejects: a refusal is an answer with a code and a message. */
export async function answerControl(shop: ControlledShop, path: string): Promise<ControlAnswer> {
  try {
    return { status: 200, body: await ask(shop, new URL(path, 'http://supervisor')) };
  } catch (error) {
    const isKnown = error instanceof StackProblem;
    return {
      status: isKnown ? 409 : 500,
      body: { code: isKnown ? error.code : 'internal', message: messageOf(error) },
    };
  }
}

async function ask(shop: ControlledShop, url: URL): Promise<unknown> {
  const [, first, name, action] = url.pathname.split('/');
  if (first === 'status') return shop.status();
  if (first === 'down') return { down: await shop.close() };
  if (first === 'parts' && name !== undefined && action !== undefined) {
    const withinMs = Number(url.searchParams.get('within')) || PART_WAIT_SECONDS * 1_000;
    await shop.actOnPart(name, knownAction(action), { leave: url.searchParams.has('leave'), withinMs });
    return { done: true };
  }
  throw new StackProblem('no_such_question', `The supervisor knows nothing of ${url.pathname}.`);
}

function knownAction(action: string): PartAction {
  const known = partActions.find((one) => one === action);
  if (known === undefined)
    throw new StackProblem('no_such_action', `A part can be asked to ${partActions.join(', ')}, not '${action}'.`);
  return known;
}

function reply(response: ServerResponse, { status, body }: ControlAnswer): void {
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' }).end(JSON.stringify(body));
}
