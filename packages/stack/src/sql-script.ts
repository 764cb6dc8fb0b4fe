import { type Client, escapeIdentifier, escapeLiteral } from 'pg';
import { StackProblem } from './stack-problem.ts';

type Statement = { readonly sql: string; readonly runsItsRows: boolean };

/** Runs the small part of psql's language that infra/postgres/roles.sql keeps to: :"identifier", :'literal', and \gexec to run what a query returns. */
export async function runSqlScript(
  client: Client,
  script: string,
  variables: Readonly<Record<string, string>>,
): Promise<void> {
  for (const { sql, runsItsRows } of splitScript(substitute(withoutComments(script), variables))) {
    const { rows } = await client.query<string[]>({ text: sql, rowMode: 'array' });
    if (runsItsRows) for (const row of rows) for (const made of row) await client.query(made);
  }
}

export function substitute(script: string, variables: Readonly<Record<string, string>>): string {
  return script.replace(/:(["'])(\w+)\1/g, (_whole, quote: string, name: string) => {
    const value = variables[name];
    if (value === undefined)
      throw new StackProblem(
        'template',
        `An SQL script asks for the variable ${name}. Known: ${Object.keys(variables).join(', ')}.`,
      );
    return quote === '"' ? escapeIdentifier(value) : escapeLiteral(value);
  });
}

export function splitScript(script: string): Statement[] {
  return [...script.matchAll(/([\s\S]*?)(;|\\gexec)[ \t]*(?:\n|$)/g)]
    .map(([, sql = '', end]) => ({ sql: sql.trim(), runsItsRows: end === '\\gexec' }))
    .filter(({ sql }) => sql !== '');
}

function withoutComments(script: string): string {
  return script.replace(/^\s*--.*$/gm, '');
}
