import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Type } from 'typebox';
import { baseConfig, ConfigError, DurationMs, loadConfig, Secret } from './config.ts';

const schema = Type.Object({
  ...baseConfig,
  API_KEY: Secret(),
  DATABASE_URL: Type.String({ pattern: '^postgres://' }),
  DEADLINE: DurationMs('60s'),
  NICKNAME: Type.Optional(Type.String()),
});
const right = { PORT: '3001', API_KEY: 'a-key-of-my-own-making', DATABASE_URL: 'postgres://app:pw@127.0.0.1/x' };

test('what is not set has its default, and the whole is typed and frozen', () => {
  const config = loadConfig(schema, right);
  assert.deepEqual(
    { ...config },
    { ...right, HOST: '127.0.0.1', PORT: 3001, LOG_LEVEL: 'info', SHOP_LOCAL: false, DEADLINE: 60_000 },
  );
  assert.equal(Object.isFrozen(config), true);
});

test('durations are milliseconds', () => {
  for (const [text, ms] of [
    ['250ms', 250],
    ['2s', 2_000],
    ['15m', 900_000],
    ['1.5h', 5_400_000],
  ] as const) {
    assert.equal(loadConfig(schema, { ...right, DEADLINE: text }).DEADLINE, ms);
  }
});

const wrong: [variable: string, text: string | undefined, expected: RegExp][] = [
  ['PORT', undefined, /PORT: is not set; expected a whole number from 0 to 65535/],
  ['PORT', '', /PORT: is not set/],
  ['PORT', '80a', /PORT: is '80a'; expected a whole number/],
  ['PORT', '70000', /PORT: is '70000'/],
  ['PORT', '1e3', /PORT: is '1e3'/],
  ['LOG_LEVEL', 'loud', /LOG_LEVEL: is 'loud'; expected one of trace, debug, info/],
  ['SHOP_LOCAL', 'yes', /SHOP_LOCAL: is 'yes'; expected '1' or '0'/],
  ['DEADLINE', '60', /DEADLINE: is '60'; expected a duration like/],
  ['DEADLINE', '-1s', /DEADLINE: is '-1s'/],
  ['API_KEY', undefined, /API_KEY: is not set; expected a secret of at least 16 characters/],
  ['API_KEY', 'short', /API_KEY: is not valid; expected a secret of at least 16 characters/],
  ['API_KEY', 'local-only-psp-key', /API_KEY: has a secret made for one machine/],
  ['DATABASE_URL', 'mysql://app:pw@127.0.0.1/x', /DATABASE_URL: is not valid; expected text that matches/],
  ['DATABASE_URL', 'postgres://app:local-only-app@127.0.0.1/x', /DATABASE_URL: has a secret made for one machine/],
];

for (const [variable, text, expected] of wrong) {
  test(`${variable}=${text ?? '(not set)'} stops the service with the variable's name`, () => {
    assert.throws(
      () => loadConfig(schema, { ...right, [variable]: text }),
      (error) => error instanceof ConfigError && expected.test(error.message) && error.variables.join() === variable,
    );
  });
}

test('every wrong variable is told at once, and no secret is shown', () => {
  assert.throws(
    () => loadConfig(schema, { PORT: 'x', API_KEY: 'hunter2', DATABASE_URL: 'hunter2' }),
    (error) =>
      error instanceof ConfigError &&
      error.variables.join() === 'PORT,API_KEY,DATABASE_URL' &&
      !error.message.includes('hunter2'),
  );
});

test('a local secret is good on the machine it is made for', () => {
  const env = {
    ...right,
    API_KEY: 'local-only-psp-key',
    DATABASE_URL: 'postgres://app:local-only-app@127.0.0.1/x',
    SHOP_LOCAL: '1',
  };
  assert.equal(loadConfig(schema, env).API_KEY, 'local-only-psp-key');
});
