import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LostRace, triageDatabaseError } from './database-trouble.ts';

const withCode = (code: string, more = {}) => Object.assign(new Error(code), { code, ...more });

test('an error of the database is told by its code, its constraint or the driver, and what the values may have caused is unexplained', () => {
  const cases: [unknown, string][] = [
    [withCode('40001'), 'lost_race'],
    [withCode('40P01'), 'lost_race'],
    [withCode('55P03'), 'lost_race'],
    [withCode('23505'), 'conflict'],
    [withCode('23514', { constraint: 'on_hand_not_negative' }), 'conflict'],
    [withCode('23514', { constraint: 'another' }), 'unexplained'],
    [new LostRace('x'), 'conflict'],
    [withCode('57014'), 'too_much'],
    [withCode('53200'), 'too_much'],
    [withCode('57P01'), 'unavailable'],
    [withCode('53300'), 'unavailable'],
    [withCode('28P01'), 'unavailable'],
    [withCode('ECONNREFUSED'), 'unavailable'],
    [withCode('ENETUNREACH'), 'unavailable'],
    [new Error('Query read timeout'), 'unavailable'],
    [new Error('failed', { cause: withCode('ECONNRESET') }), 'unavailable'],
    [withCode('42P01'), 'place'],
    [withCode('42501'), 'place'],
    [withCode('0A000'), 'place'],
    [withCode('26000'), 'place'],
    [withCode('23514', { table: 'inbox' }), 'unexplained'],
    [withCode('23514', { table: 'outbox' }), 'unavailable'],
    [withCode('22P02'), 'unexplained'],
    [withCode('54000'), 'unexplained'],
    [withCode('P0001'), 'unexplained'],
    [withCode('XX000'), 'unexplained'],
    [withCode('EISDIR'), 'unexplained'],
    [new TypeError('x is not a function'), 'unexplained'],
    ['40001', 'unexplained'],
  ];
  for (const [error, trouble] of cases)
    assert.equal(triageDatabaseError(error, ['on_hand_not_negative']), trouble, String(error));
});
