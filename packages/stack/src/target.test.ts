import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeTarget, readTarget } from './target.ts';

const nothing = { home: '/srv/home', project: 'sagamart', native: false, compose: false };

test('the shop that runs is the one that is meant', () => {
  assert.equal(judgeTarget(undefined, { ...nothing, native: true }), 'native');
  assert.equal(judgeTarget(undefined, { ...nothing, compose: true }), 'compose');
});

test('where two shops run one must be named, and is then taken', () => {
  const both = { ...nothing, native: true, compose: true };
  assert.throws(() => judgeTarget(undefined, both), {
    code: 'two_shops',
    message: /--target native or --target compose/,
  });
  assert.equal(judgeTarget('compose', both), 'compose');
  assert.equal(judgeTarget('native', both), 'native');
});

test('where no shop runs both ways to start one are told', () => {
  assert.throws(() => judgeTarget(undefined, nothing), {
    code: 'not_running',
    message: /npm start.*docker compose up/,
  });
  assert.throws(() => judgeTarget('compose', nothing), { code: 'not_running', message: /docker compose up --wait/ });
  assert.throws(() => judgeTarget('compose', { ...nothing, project: 'mine' }), /docker compose -p mine up --wait/);
});

test('a machine without Docker has no shop in containers, and says why only when it is asked for', () => {
  const without = { ...nothing, noDocker: 'Docker is not installed.' };
  assert.equal(judgeTarget(undefined, { ...without, native: true }), 'native');
  assert.throws(() => judgeTarget(undefined, without), { code: 'not_running' });
  assert.throws(() => judgeTarget('compose', without), { code: 'no_docker', message: /Docker is not installed/ });
});

test('a target that is none is refused with those there are', () => {
  assert.equal(readTarget(''), undefined);
  assert.throws(() => readTarget('kubernetes'), /'kubernetes'.*--target native or compose/);
});
