import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Type, type TObject } from 'typebox';
import { Check } from 'typebox/value';
import { breachesOfGrowth, jsonSchemaOf } from './growth.ts';

const before = Type.Object({
  orderId: Type.String(),
  reason: Type.Enum(['late', 'refused']),
  contact: Type.Object({ email: Type.Union([Type.String(), Type.Null()]) }),
  lines: Type.Array(Type.Object({ quantity: Type.Integer({ maximum: 99 }) })),
  note: Type.Optional(Type.String()),
});
const fields = before.properties;
const order = { orderId: 'o', reason: 'late', contact: { email: null }, lines: [{ quantity: 1 }] };

/** What was changed, and a message that one side may say and the other does not take. */
const changes: { [change: string]: { after: TObject; place: string; said: object; by: 'before' | 'after' } } = {
  'a required field more': {
    ...{ after: Type.Object({ ...fields, total: Type.Integer() }), place: '/required' },
    ...{ said: order, by: 'before' },
  },
  'a required field less': {
    ...{ after: Type.Omit(before, ['reason']), place: '/properties/reason' },
    ...{ said: { ...order, reason: undefined }, by: 'after' },
  },
  'a required field made optional': {
    ...{ after: Type.Object({ ...fields, reason: Type.Optional(fields.reason) }), place: '/required' },
    ...{ said: { ...order, reason: undefined }, by: 'after' },
  },
  'another name': {
    ...{
      after: Type.Object({ ...Type.Omit(before, ['orderId']).properties, id: Type.String() }),
      place: '/properties/orderId',
    },
    ...{ said: order, by: 'before' },
  },
  'a word less': {
    ...{ after: Type.Object({ ...fields, reason: Type.Enum(['late']) }), place: '/properties/reason/enum' },
    ...{ said: { ...order, reason: 'refused' }, by: 'before' },
  },
  'a word more': {
    ...{
      after: Type.Object({ ...fields, reason: Type.Enum(['late', 'refused', 'lost']) }),
      place: '/properties/reason/enum',
    },
    ...{ said: { ...order, reason: 'lost' }, by: 'after' },
  },
  'another type': {
    ...{ after: Type.Object({ ...fields, note: Type.Optional(Type.Integer()) }), place: '/properties/note/type' },
    ...{ said: { ...order, note: 7 }, by: 'after' },
  },
  'an optional field less, which may come back as something else': {
    ...{ after: Type.Omit(before, ['note']), place: '/properties/note' },
    ...{ said: { ...order, note: 7 }, by: 'after' },
  },
  'a limit raised, in a list': {
    after: Type.Object({ ...fields, lines: Type.Array(Type.Object({ quantity: Type.Integer({ maximum: 100 }) })) }),
    place: '/properties/lines/items/properties/quantity/maximum',
    ...{ said: { ...order, lines: [{ quantity: 100 }] }, by: 'after' },
  },
  'no null any more': {
    after: Type.Object({ ...fields, contact: Type.Object({ email: Type.String() }) }),
    place: '/properties/contact/properties/email',
    ...{ said: order, by: 'before' },
  },
  'closed to what is not known': {
    ...{ after: Type.Object(fields, { additionalProperties: false }), place: '/additionalProperties' },
    ...{ said: { ...order, ofTheFuture: true }, by: 'before' },
  },
};

for (const [change, { after, place, said, by }] of Object.entries(changes)) {
  test(`a contract does not change by ${change}`, () => {
    const found = breaches(before, after);
    assert.ok(
      found.some((breach) => breach.startsWith(place)),
      found.join('\n'),
    );
    assert.deepEqual([Check(before, said), Check(after, said)], [by === 'before', by === 'after']);
  });
}

test('a contract grows by optional fields, at any depth, and by explanations', () => {
  const grown = Type.Object({
    ...fields,
    lines: Type.Array(Type.Object({ ...fields.lines.items.properties, gift: Type.Optional(Type.Boolean()) })),
    contact: Type.Object({ email: Type.Union([Type.String({ description: 'To write to' }), Type.Null()]) }),
    channel: Type.Optional(Type.Enum(['web', 'telephone'])),
  });
  assert.deepEqual(breaches(before, grown), []);
});

test('nothing is added where readers take nothing that they do not know', () => {
  const closed = Type.Object({ a: Type.String() }, { additionalProperties: false });
  const more = Type.Object({ a: Type.String(), b: Type.Optional(Type.String()) }, { additionalProperties: false });
  assert.deepEqual(breaches(closed, more), ['/properties/b is new where readers allow nothing new']);
});

function breaches(earlier: object, later: object): string[] {
  return breachesOfGrowth(jsonSchemaOf(earlier), jsonSchemaOf(later));
}
