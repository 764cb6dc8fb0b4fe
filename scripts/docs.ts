import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withCheckoutTables } from '../checks/checkout-tables.ts';

const file = join(import.meta.dirname, '../docs/checkout.md');
writeFileSync(file, withCheckoutTables(readFileSync(file, 'utf8')));
