import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ajv } from 'ajv';
import { parseRecord } from './cloud-event.ts';
import { breachesOfGrowth } from './growth.ts';
import { contracts, readExamples, readRevisions } from './recorded.ts';
import { variantsOf } from './variants.ts';

const events = contracts.filter(({ name }) => name !== 'headers');
const ajv = new Ajv({ strict: true, allErrors: true });

for (const contract of contracts) {
  const revisions = readRevisions(contract);
  const title = `${contract.name} ${contract.major}`;

  test(`${title}: from one revision to the next, yesterday and today understand each other`, () => {
    for (const [n, later] of [...revisions.slice(1), contract.schema].entries())
      assert.deepEqual(
        breachesOfGrowth(revisions[n] ?? later, later),
        [],
        'A contract only grows. Make the field optional, or say this in a new major version.',
      );
  });

  test(`${title} is recorded as it is today`, () => {
    const unrecorded = breachesOfGrowth(contract.schema, revisions.at(-1) ?? {});
    assert.deepEqual(unrecorded, [], 'Run `npm run contracts` and commit the revision that it records.');
  });
}

test('the services of today read every message recorded of the version that they speak', () => {
  for (const event of events)
    for (const { data, ...record } of readExamples(event)) {
      const parsed = parseRecord({ ...record, value: JSON.stringify(data) });
      assert.equal(parsed.kind, 'known', `${event.name}: ${parsed.kind === 'refused' ? parsed.detail : parsed.kind}`);
    }
});

test('a reader of any recorded revision, with a library of its own, takes every recorded message', () => {
  const readersOfHeaders = readRevisions({ name: 'headers', major: 1 }).map((schema) => ajv.compile(schema));
  for (const event of events) {
    const readersOfData = readRevisions(event).map((schema) => ajv.compile(schema));
    for (const { headers, data } of readExamples(event)) {
      for (const reads of readersOfHeaders) assert.ok(reads(headers), ajv.errorsText(reads.errors));
      for (const reads of readersOfData) assert.ok(reads(data), `${event.name}: ${ajv.errorsText(reads.errors)}`);
    }
  }
});

test('of every event there is a recorded message in each form that it can take', () => {
  const missing = events.flatMap((event) =>
    variantsOf(event.schema)
      .filter(({ isShownBy }) => !readExamples(event).some(({ data }) => isShownBy(data)))
      .map(({ name }) => `${event.name} ${name}`),
  );
  assert.deepEqual(missing, [], 'Let a running shop say these, and run `npm run contracts`.');
});
