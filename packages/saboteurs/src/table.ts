import { saboteurs } from './saboteurs.ts';
import type { Saboteur } from './saboteur.ts';

const start = '<!-- table -->';
const end = '<!-- /table -->';

/** A document with the table of all saboteurs between its markers written anew. Throws when it has no markers. */
export function withSaboteurTable(document: string): string {
  const [head, rest] = document.split(start);
  const tail = rest?.split(end)[1];
  if (head === undefined || tail === undefined) throw new Error(`expected ${start} and ${end}`);
  return `${head}${start}\n\n${[columns, ...saboteurs.map(formatRow)].join('\n')}\n\n${end}${tail}`;
}

const columns = '| saboteur | removes | scene | breaks | what happens |\n|---|---|---|---|---|';

function formatRow({ name, removes, where, scene, breaks, story, changes = [] }: Saboteur): string {
  const files = [...new Set(changes.map(({ file }) => file))].map((file) => `[${file.split('/').at(-1)}](../${file})`);
  const place = [`at ${where}`, ...files].join(', ');
  return `| ${[`\`${name}\``, `${removes} (${place})`, scene, breaks.join(', '), story].join(' | ')} |`;
}
