import { parseArgs } from 'node:util';
import { askAboutParked, formatParked, readParkedRequest, type ParkedRequest } from './parked-messages.ts';
import { userNameOrElse } from './operator-cli.ts';
import { findShop } from './shop.ts';
import { messageOf } from './stack-problem.ts';
import { runWhereDataIs } from './target.ts';
import { keepSaying } from './waiting-words.ts';

const help = `npm run parked -- [list] [--status parked|replayed|discarded]   messages that could not be handled, newest first
npm run parked -- show <id>                                    one as it came, and what waits behind it
npm run parked -- replay <id>                                  handle it now, and all that waits behind it
npm run parked -- discard <id> --reason "why"                  give it up, and handle what waits behind it
npm run parked -- release <service> --reason "why"             park the messages that its consumption is paused for
Options: --json, --as <operator> (your user name unless told), --target native|compose.
Exit 0: done; 1: it was tried and is still parked; 2: refused, or the shop could not be asked.`;

try {
  const { request, json, operator, target } = readOptions();
  // Inside a container you would be somebody else.
  const program = { program: import.meta.filename, args: [...process.argv.slice(2), '--as', operator] };
  process.exitCode = (await runWhereDataIs(program, target)) ?? (await askHere(request, { json, operator }));
} catch (error) {
  console.error(`${messageOf(error)}\n\n${help}`);
  process.exitCode = 2;
}

async function askHere(
  request: ParkedRequest,
  { json, operator }: { json: boolean; operator: string },
): Promise<number> {
  const shop = await findShop();
  const over = new AbortController();
  void keepSaying(
    console.error,
    over.signal,
    () => `waits for the gateway, ${shop.gatewayUrl}, for up to 15 s an answer`,
  );
  const answer = await askAboutParked(shop, operator, request).finally(() => over.abort());
  console.log(json ? JSON.stringify(answer.body, null, 2) : formatParked(answer));
  return answer.kind === 'replay' && answer.body.status === 'parked' ? 1 : 0;
}

function readOptions() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      reason: { type: 'string' },
      status: { type: 'string' },
      json: { type: 'boolean', default: false },
      as: { type: 'string', default: userNameOrElse('operator') },
      target: { type: 'string' },
    },
  });
  const { reason, status, json, as: operator, target } = values;
  return { request: readParkedRequest(positionals, { reason, status }), json, operator, target };
}
