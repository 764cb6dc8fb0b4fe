import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Parser } from '@asyncapi/parser';
import { describeEvents } from './asyncapi.ts';
import { eventTypes } from './events.ts';

test('the description of the events is AsyncAPI 3.1, and has every event on its topic', async () => {
  const { document, diagnostics } = await new Parser().parse(JSON.stringify(describeEvents()));
  assert.deepEqual(diagnostics, []);
  assert.ok(document);
  assert.equal(document.version(), '3.1.0');
  const described = document
    .channels()
    .all()
    .flatMap((channel) =>
      channel
        .messages()
        .all()
        .map((message) => [message.name(), channel.address()]),
    );
  const said = Object.entries(eventTypes).map(([type, { topic }]) => [type, topic]);
  assert.deepEqual(described.toSorted(), said.toSorted());
});
