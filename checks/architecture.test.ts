import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  contractsImportNothingOfOurs,
  debeziumPublishes,
  decisionsArePure,
  decisionsImportOnlyContracts,
  everyServiceHasTheSameShape,
  isDecision,
  noServiceImportsAnother,
  nothingImportsBackwards,
  packagesImportNoService,
  servicesDoNotCallEachOther,
  servicesImportOnlyTheirLibraries,
  simulationImportsDecisionsOnly,
  workspacesAreImportedByName,
  type Rule,
} from './architecture.ts';
import { listFiles, parseModule, readModules } from './source-tree.ts';

// A rule that looked at nothing is green: these are the least numbers of files there are to look at.
const modulesMin = 200;
const decisionsMin = 7;

const modules = readModules();

test('the rules look at the whole repository', () => {
  assert.ok(modules.length >= modulesMin, `expected at least ${modulesMin} modules, found ${modules.length}`);
  const decisions = modules.filter(isDecision);
  assert.ok(
    decisions.length >= decisionsMin,
    `expected at least ${decisionsMin} decision files, found ${decisions.length}`,
  );
});

type Case = { title: string; rule: Rule; breach: { path: string; text: string } };

const cases: Case[] = [
  {
    title: 'no service imports another',
    rule: noServiceImportsAnother,
    breach: { path: 'services/order/src/routes.ts', text: `import { a } from '../../payment/src/payment.ts';` },
  },
  {
    title: 'packages import no service',
    rule: packagesImportNoService,
    breach: { path: 'packages/auditor/src/books.ts', text: `import { a } from '@sagamart/order/order';` },
  },
  {
    title: 'the simulation runs what decides in production, and nothing else of a service',
    rule: simulationImportsDecisionsOnly,
    breach: { path: 'packages/simulation/src/rules.ts', text: `import { a } from '@sagamart/order/order-store';` },
  },
  {
    title: 'contracts import nothing of ours',
    rule: contractsImportNothingOfOurs,
    breach: { path: 'packages/contracts/src/ids.ts', text: `import { a } from '@sagamart/service-kit/config';` },
  },
  {
    title: 'a service imports contracts, the service kit and telemetry, and nothing else of ours',
    rule: servicesImportOnlyTheirLibraries,
    breach: { path: 'services/order/src/app.ts', text: `import { a } from '@sagamart/test-kit/database';` },
  },
  {
    title: 'another workspace is imported by its name, never by its path',
    rule: workspacesAreImportedByName,
    breach: { path: 'packages/bench/src/cli.ts', text: `import { a } from '../../stack/src/shop.ts';` },
  },
  {
    title: 'a decision imports contracts and types only',
    rule: decisionsImportOnlyContracts,
    breach: { path: 'services/order/src/order.ts', text: `import { a } from '@sagamart/service-kit/outbox';` },
  },
  {
    title: 'a decision waits for nothing',
    rule: decisionsArePure,
    breach: { path: 'services/order/src/order.ts', text: `export async function place() { await null; }` },
  },
  {
    title: 'a decision reads no clock',
    rule: decisionsArePure,
    breach: {
      path: 'services/payment/src/payment.ts',
      text: `export const late = () => Date.now() > 0 || new Date();`,
    },
  },
  {
    title: 'a decision throws no dice',
    rule: decisionsArePure,
    breach: { path: 'services/payment/src/payment.ts', text: `export const lucky = () => Math.random() > 0.5;` },
  },
  {
    title: 'a decision reads no environment',
    rule: decisionsArePure,
    breach: { path: 'services/inventory/src/reservation.ts', text: `export const mode = process.env.MODE;` },
  },
  {
    title: 'a decision holds no SQL',
    rule: decisionsArePure,
    breach: { path: 'services/inventory/src/product.ts', text: `export const all = 'select sku from products';` },
  },
  {
    title: 'nothing imports backwards',
    rule: nothingImportsBackwards,
    breach: { path: 'services/order/src/order-store.ts', text: `import { a } from './routes.ts';` },
  },
  {
    title: 'order, inventory and notification call no other service',
    rule: servicesDoNotCallEachOther,
    breach: { path: 'services/order/src/messages.ts', text: `export const stock = () => fetch('http://inventory');` },
  },
  {
    title: 'no service produces to Kafka: Debezium publishes',
    rule: debeziumPublishes,
    breach: { path: 'services/order/src/main.ts', text: `export const sender = kafka.producer();` },
  },
];

for (const { title, rule, breach } of cases) {
  test(title, () => {
    assert.equal(
      rule([parseModule(breach.path, breach.text)]).length > 0,
      true,
      'the rule must see a breach where there is one',
    );
    assert.deepEqual(rule(modules), []);
  });
}

test('every service has the same shape', () => {
  const files = listFiles(['services']);
  const tampered = files.filter((path) => path !== 'services/order/src/messages.ts');
  assert.deepEqual(everyServiceHasTheSameShape(tampered), ['services/order has no src/messages.ts']);
  assert.deepEqual(everyServiceHasTheSameShape(files), []);
});
