import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseJsonBody } from './json-body.ts';
import { Problem } from './problem.ts';

const parse = (text: string) => parseJsonBody(Buffer.from(text));

test('ordinary bodies are what JSON says, whatever they spell', () => {
  for (const value of [{}, [], null, 1, 'x', { a: [{ b: 'ä€😀' }] }, { text: '\\u0000 is written with a backslash' }]) {
    assert.deepEqual(parse(JSON.stringify(value)), value);
  }
  assert.equal(parse(String.raw`"\ud83d\ude00\u00e4"`), '😀ä');
});

for (const [what, text, pointer] of [
  ['the NUL character', String.raw`{"lines":[{"a/b":"x\u0000"}]}`, '/lines/0/a~1b'],
  ['half a surrogate pair', String.raw`{"a":"\ud83d"}`, '/a'],
  ['the other half', String.raw`{"a":{"b":"\ude00x"}}`, '/a/b'],
  ['a name with NUL', String.raw`{"a":{"\u0000":1}}`, '/a'],
] as const) {
  test(`${what} cannot be stored, and the place is named`, () => {
    assert.throws(
      () => parse(text),
      (error) => error instanceof Problem && error.status === 400 && error.errors[0]?.pointer === pointer,
    );
  });
}

for (const [what, body] of [
  ['half a document', Buffer.from('{"a":')],
  ['bytes that are not UTF-8', Buffer.from([0x22, 0xc3, 0x28, 0x22])],
  ['a byte order mark of UTF-16', Buffer.from([0xff, 0xfe, 0x7b, 0x00])],
  ['33 levels', Buffer.from(`${'['.repeat(33)}1${']'.repeat(33)}`)],
  ['a prototype', Buffer.from('{"a":{"__proto__":{}}}')],
  ['a prototype in disguise', Buffer.from(String.raw`{"\u005F_proto__":{}}`)],
] as const) {
  test(`${what} is not accepted as JSON`, () => {
    assert.throws(
      () => parseJsonBody(body),
      (error) => error instanceof Problem && error.status === 400 && error.code === 'invalid_json',
    );
  });
}

test('32 levels are enough for anybody here', () => {
  assert.doesNotThrow(() => parse(`${'['.repeat(32)}1${']'.repeat(32)}`));
});
