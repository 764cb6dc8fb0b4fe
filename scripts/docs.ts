import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withCheckoutTables } from '../checks/checkout-tables.ts';
import { withSaboteurTable } from '../packages/saboteurs/src/table.ts';

const docs = join(import.meta.dirname, '../docs');
for (const [name, write] of [
  ['checkout.md', withCheckoutTables],
  ['saboteurs.md', withSaboteurTable],
] as const) {
  const file = join(docs, name);
  writeFileSync(file, write(readFileSync(file, 'utf8')));
}
