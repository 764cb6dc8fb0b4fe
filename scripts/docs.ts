import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withCheckoutTables } from '../checks/checkout-tables.ts';
import { withWaysOut } from '../checks/ways-out.ts';
import { renderDashboard } from '../packages/dashboards/src/dashboard.ts';
import { dashboards } from '../packages/dashboards/src/dashboards.ts';
import { withSaboteurTable } from '../packages/saboteurs/src/table.ts';

const docs = join(import.meta.dirname, '../docs');
for (const [name, write] of [
  ['checkout.md', withCheckoutTables],
  ['saboteurs.md', withSaboteurTable],
  ['ways-out.md', withWaysOut],
] as const) {
  const file = join(docs, name);
  writeFileSync(file, write(readFileSync(file, 'utf8')));
}

const folder = join(import.meta.dirname, '../infra/grafana/dashboards');
for (const [name, dashboard] of Object.entries(dashboards))
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(renderDashboard(dashboard), undefined, 2)}\n`);
