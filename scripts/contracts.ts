import { relative } from 'node:path';
import { parseRecord } from '../packages/contracts/src/cloud-event.ts';
import { breachesOfGrowth } from '../packages/contracts/src/growth.ts';
import {
  contracts,
  readExamples,
  readRevisions,
  writeExample,
  writeRevision,
  type Contract,
  type RecordedMessage,
} from '../packages/contracts/src/recorded.ts';
import { variantsOf } from '../packages/contracts/src/variants.ts';
import { findShop } from '../packages/stack/src/shop.ts';
import { messageOf } from '../packages/stack/src/stack-problem.ts';
import { readPublished } from '../e2e/published-messages.ts';

// `npm run contracts`: keeps what today's contracts look like, and from the running shop one message of each form that was never kept.
try {
  recordRevisions();
  await recordExamples();
} catch (error) {
  console.error(messageOf(error));
  process.exitCode = 1;
}

function recordRevisions(): void {
  for (const contract of contracts) {
    const latest = readRevisions(contract).at(-1);
    const breaches = latest === undefined ? [] : breachesOfGrowth(latest, contract.schema);
    if (breaches.length > 0) throw new Error(`${contract.name} may only grow: ${breaches.join('; ')}`);
    if (latest === undefined || breachesOfGrowth(contract.schema, latest).length > 0) tell(writeRevision(contract));
  }
}

async function recordExamples(): Promise<void> {
  const { kafkaBrokers } = await findShop();
  const published = (await readPublished(kafkaBrokers)).flatMap((record) => {
    const parsed = parseRecord(record);
    const { topic, key, headers } = record;
    return parsed.kind === 'known' ? [{ topic, key, headers, data: parsed.event.data }] : [];
  });
  for (const contract of contracts.filter(({ name }) => name !== 'headers')) {
    const missing = recordForms(contract, published);
    for (const form of missing) console.log(`never seen in this shop: ${contract.name} ${form}`);
  }
}

/** Records what it finds, and gives back the forms that it does not. */
function recordForms(contract: Contract, messages: readonly RecordedMessage[]): string[] {
  const ofType = messages.filter(({ headers }) => headers['ce_type'] === contract.name);
  return variantsOf(contract.schema).flatMap(({ name, isShownBy }) => {
    if (readExamples(contract).some(({ data }) => isShownBy(data))) return [];
    const found = ofType.find(({ data }) => isShownBy(data));
    if (found === undefined) return [name];
    tell(writeExample(contract, name, found));
    return [];
  });
}

function tell(file: string): void {
  console.log(`recorded ${relative(process.cwd(), file)}`);
}
