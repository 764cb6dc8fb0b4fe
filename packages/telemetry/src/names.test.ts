import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as conventions from '@opentelemetry/semantic-conventions/incubating';
import { attribute } from './names.ts';

const known = new Set<unknown>(Object.values(conventions));

test('every attribute is one of OpenTelemetry’s, or says by its prefix that it is ours', () => {
  const unknown = Object.values(attribute).filter((name) => !known.has(name) && !name.startsWith('sagamart.'));
  assert.deepEqual(unknown, []);
});
