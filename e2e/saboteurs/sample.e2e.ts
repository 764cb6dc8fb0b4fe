import { findSaboteur } from '@sagamart/saboteurs/saboteurs';
import { testSaboteur } from './saboteur-test.ts';

// Two that show quickly; `npm run test:long -- saboteurs` runs all.
for (const name of ['no-idempotency-key', 'void-by-guess']) testSaboteur(findSaboteur(name));
