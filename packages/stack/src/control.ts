import { chmodSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { controlSocket } from './home.ts';
import type { Shop } from './shop.ts';
import { messageOf, StackProblem } from './stack-problem.ts';
import type { Supervisor } from './supervisor.ts';

export type Controlled = {
  readonly supervisor: Supervisor;
  readonly describe: () => Shop;
  readonly close: () => Promise<void>;
};

/** Listens on the home's socket for status questions and part actions. Only the shop's own user can open it. */
export async function openControl(home: string, shop: Controlled): Promise<{ close: () => void }> {
  const path = controlSocket(home);
  // Whoever holds the home's lock may: a file found here was left by a killed supervisor.
  rmSync(path, { force: true });
  const server = createServer((request, response) => {
    answer(shop, request)
      .then((said) => reply(response, 200, said))
      .catch((error: unknown) =>
        reply(response, error instanceof StackProblem ? 409 : 500, {
          code: error instanceof StackProblem ? error.code : 'internal',
          message: messageOf(error),
        }),
      );
  });
  server.listen(path);
  await once(server, 'listening');
  chmodSync(path, 0o600);
  return {
    // Closing removes the socket's file as well.
    close: () => void server.close(),
  };
}

async function answer(shop: Controlled, request: IncomingMessage): Promise<unknown> {
  const url = new URL(request.url ?? '/', 'http://supervisor');
  const [, first, name, action] = url.pathname.split('/');
  if (first === 'status') return shop.supervisor.status();
  if (first === 'shop') return shop.describe();
  if (first === 'down') return { down: await shop.close() };
  if (first === 'parts' && name !== undefined && action !== undefined) {
    await actOnPart(shop.supervisor, name, action, url.searchParams.has('leave'));
    return { done: true };
  }
  throw new StackProblem('no_such_question', `The supervisor knows nothing of ${url.pathname}.`);
}

async function actOnPart(supervisor: Supervisor, name: string, action: string, leave: boolean): Promise<void> {
  const runner = supervisor.runner(name);
  supervisor.log(`${name}: asked to ${action}${leave ? ' and leave it alone' : ''}`);
  switch (action) {
    case 'stop':
      return runner.stop();
    case 'restart':
      await runner.stop();
      return supervisor.startPart(name);
    case 'start':
      return supervisor.startPart(name);
    case 'kill':
      return runner.kill({ leave });
    case 'pause':
      return runner.pause();
    case 'resume':
      return runner.resume();
    default:
      throw new StackProblem(
        'no_such_action',
        `A part can be asked to stop, start, restart, kill, pause or resume, not '${action}'.`,
      );
  }
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' }).end(JSON.stringify(body));
}
