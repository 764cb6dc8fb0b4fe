import { parseArgs } from 'node:util';
import type { Saboteur } from '@sagamart/saboteurs/saboteur';
import { findSaboteur, saboteurs } from '@sagamart/saboteurs/saboteurs';
import { messageOf } from '@sagamart/stack/stack-problem';
import { openRandom } from '../long/seeded-random.ts';
import { brokenBy, runControl, runSaboteur } from './workload.ts';

const help = `npm run saboteur -- <name> [--seed <number>]   remove one protection from a shop of its own, and see what the auditor says
npm run saboteur -- none                       the same workload in a whole shop
npm run saboteur -- --list                     what can be removed, and what breaks
Exit 0: the auditor reports what was predicted, and nothing else; 1: it reports something else; 2: it could not be tried.`;

const shownMax = 20;

try {
  const { values, positionals } = parseArgs({
    options: { list: { type: 'boolean', default: false }, seed: { type: 'string' } },
    allowPositionals: true,
  });
  const [name] = positionals;
  if (values.list) for (const each of saboteurs) console.log(`${each.name.padEnd(26)}${each.removes}`);
  else if (name === undefined) throw new Error('Expected the name of a saboteur.');
  else process.exitCode = (await run(name === 'none' ? null : findSaboteur(name), values.seed)) ? 0 : 1;
} catch (error) {
  console.error(`${messageOf(error)}\n\n${help}`);
  process.exitCode = 2;
}

async function run(saboteur: Saboteur | null, seed: string | undefined): Promise<boolean> {
  const random = openRandom(seed);
  if (saboteur !== null) console.log(`Without ${saboteur.removes} (at ${saboteur.where}).\n${saboteur.story}\n`);
  const findings = await (saboteur === null ? runControl(random) : runSaboteur(saboteur, random));
  for (const { invariant, about, detail } of findings.slice(0, shownMax))
    console.log(`${invariant}: ${about}  ${detail}`);
  if (findings.length > shownMax) console.log(`… and ${findings.length - shownMax} more`);
  const predicted = (saboteur?.breaks ?? []).toSorted().join(', ') || 'nothing';
  const broken = brokenBy(findings).join(', ') || 'nothing';
  console.log(`\nBroken: ${broken}. Predicted: ${predicted}. Seed ${random.seed}.`);
  return broken === predicted;
}
