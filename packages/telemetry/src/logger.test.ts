import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

test('a line is JSON with service, level and time, and without tokens, addresses and payment methods', () => {
  const source = `
    import { createLogger } from '${new URL('./logger.ts', import.meta.url).href}';
    const logger = createLogger({ service: 'order', level: 'info' });
    logger.debug('not shown');
    logger.info({ orderId: 'x', email: 'e1', order: { paymentMethod: 'tok', contact: { email: 'e2' } }, headers: { authorization: 'Bearer z' } }, 'placed');`;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', source], { encoding: 'utf8' });
  const [line = '', ...rest] = stdout.trim().split('\n');
  assert.equal(rest.length, 0);
  assert.match(line, /"time":"\d{4}-\d\d-\d\dT[\d:.]+Z"/);
  const removed = '[removed]';
  const facts: unknown = JSON.parse(line);
  assert.partialDeepStrictEqual(facts, {
    level: 'info',
    service: 'order',
    orderId: 'x',
    email: removed,
    order: { paymentMethod: removed, contact: { email: removed } },
    headers: { authorization: removed },
    msg: 'placed',
  });
});
