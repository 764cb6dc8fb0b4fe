import { saboteurs } from './saboteurs.ts';
import type { Saboteur } from './saboteur.ts';

const start = '<!-- table -->';
const end = '<!-- /table -->';

/** A document with the table of all saboteurs between its markers written anew. Throws when it has no markers. */
export function withSaboteurTable(document: string): string {
  const [head, rest] = document.split(start);
  const tail = rest?.split(end)[1];
  if (head === undefined || tail === undefined) throw new Error(`expected ${start} and ${end}`);
  const rows = saboteurs.map(formatRow).join('\n');
  return `${head}${start}\n\n| saboteur | removes | under | breaks | look at |\n|---|---|---|---|---|\n${rows}\n\n${end}${tail}`;
}

function formatRow({ name, removes, where, scene, breaks, story, changes }: Saboteur): string {
  const files = [...new Set(changes?.map(({ file }) => file))].map((file) => `[${file.split('/').at(-1)}](../${file})`);
  const cells = [`\`${name}\``, `${removes} (${where})`, scene, breaks.join(', '), [...files, story].join(' · ')];
  return `| ${cells.join(' | ')} |`;
}
