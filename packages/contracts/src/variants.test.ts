import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Type } from 'typebox';
import { jsonSchemaOf } from './growth.ts';
import { variantsOf } from './variants.ts';

test('the forms of a message are its words, its nulls and its optional fields, given and left out', () => {
  const schema = Type.Object({
    reason: Type.Enum(['out_of_stock', 'lost']),
    contact: Type.Object({ email: Type.Union([Type.String(), Type.Null()]) }),
    sentBy: Type.Optional(Type.String()),
  });
  const variants = variantsOf(jsonSchemaOf(schema));
  const shownBy = (data: object) => variants.filter(({ isShownBy }) => isShownBy(data)).map(({ name }) => name);
  assert.deepEqual(shownBy({ reason: 'lost', contact: { email: null } }), [
    'plain',
    'reason-lost',
    'contact-email-null',
    'sent-by-left-out',
  ]);
  assert.deepEqual(shownBy({ reason: 'out_of_stock', contact: { email: 'ada@example.com' }, sentBy: 'post' }), [
    'plain',
    'reason-out-of-stock',
    'contact-email-not-null',
    'sent-by-given',
  ]);
});
