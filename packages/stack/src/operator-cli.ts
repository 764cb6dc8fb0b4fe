import { userInfo } from 'node:os';
import { parseArgs } from 'node:util';
import { openOperatorSession, type Door } from './gateway-client.ts';
import { findShop } from './shop.ts';
import { messageOf } from './stack-problem.ts';
import { runWhereDataIs } from './target.ts';

/** Does what a command asks for, with an operator's token; tells the answer for programs (`body`) and for people (`text`). */
export type Asking = (shop: Door, token: string) => Promise<{ readonly body: unknown; readonly text: string }>;

/** The words of a command, and its own options as they were given. */
export type Words = {
  readonly words: readonly string[];
  readonly options: Readonly<Partial<Record<string, string | boolean>>>;
};

/**
 * Runs a command at the running shop, wherever it is: exit code 0 when it was done, 2 when it was refused or the shop could not be asked. `values` and
 * `flags` name the options of the command itself that take a value and that do not.
 */
export async function runOperatorCli(cli: {
  program: string;
  help: string;
  values: readonly string[];
  flags?: readonly string[];
  read: (words: Words) => Asking;
}): Promise<void> {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        ...Object.fromEntries(cli.values.map((name) => [name, { type: 'string' as const }])),
        ...Object.fromEntries((cli.flags ?? []).map((name) => [name, { type: 'boolean' as const }])),
        json: { type: 'boolean', default: false },
        as: { type: 'string', default: userNameOrElse('operator') },
        target: { type: 'string' },
      },
    });
    const { json, as: operator, target, ...options } = values;
    const ask = cli.read({ words: positionals, options });
    // Inside a container you would be somebody else.
    const there = { program: cli.program, args: [...process.argv.slice(2), '--as', operator] };
    process.exitCode = (await runWhereDataIs(there, target)) ?? (await askHere(ask, { json, operator }));
  } catch (error) {
    console.error(`${messageOf(error)}\n\n${cli.help}`);
    process.exitCode = 2;
  }
}

/** An operator's name is a word; a user's name may be anything, or none. */
export function userNameOrElse(name: string): string {
  try {
    const { username } = userInfo();
    return /^[a-z][a-z0-9-]{0,31}$/.test(username) ? username : name;
  } catch {
    return name;
  }
}

async function askHere(ask: Asking, { json, operator }: { json: boolean; operator: string }): Promise<number> {
  const shop = await findShop();
  const { body, text } = await ask(shop, await openOperatorSession(shop, operator));
  console.log(json ? JSON.stringify(body, null, 2) : text);
  return 0;
}
