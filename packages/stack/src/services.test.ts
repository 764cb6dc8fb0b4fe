import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serviceParts } from './services.ts';
import { readSettings } from './settings.ts';

const argumentsIn = async (env: NodeJS.ProcessEnv): Promise<string[]> => {
  const commands = serviceParts(readSettings(env)).map((part) => part.command());
  return (await Promise.all(commands)).map(({ args }) => args.join(' '));
};

test('services go without a protection only in a shop that was asked to', async () => {
  for (const args of await argumentsIn({})) assert.doesNotMatch(args, /saboteurs/);
  for (const args of await argumentsIn({ SAGAMART_SABOTEUR: 'no-inbox' }))
    assert.match(args, /saboteurs\/src\/preload/);
});
