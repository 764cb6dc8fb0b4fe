import assert from 'node:assert/strict';
import { test } from 'node:test';
import { activeTraceparent, inChildSpan, inSpan, startSpan, traceparentOf } from './spans.ts';

const given = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;

test('where nothing is traced, a trace context is handed on as it came', async () => {
  assert.equal(await inSpan('work', { parent: given }, async (span) => traceparentOf(span)), given);
});

for (const parent of [null, undefined, 'x', `${given}-x`]) {
  test(`where nothing is traced, nothing comes of ${JSON.stringify(parent) ?? 'no parent'}`, () => {
    assert.equal(traceparentOf(startSpan('work', { parent, links: [parent ?? null] })), null);
  });
}

test('what runs in no trace begins none', async () => {
  assert.equal(await inChildSpan('poll', {}, async (span) => span), undefined);
  assert.equal(activeTraceparent(), null);
});
