import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { createMailReader } from './outside-world.ts';

/** Answers as maildev 2.2 does: whole mails, those after the first `skip` of its store, which a restart fills in any order. */
async function mailCatcher(t: TestContext): Promise<{ url: string; store: string[] }> {
  const catcher = { url: '', store: new Array<string>() };
  const server = createServer((request, response) => {
    const skip = Number(new URL(request.url ?? '', catcher.url).searchParams.get('skip'));
    response.end(JSON.stringify(catcher.store.slice(skip).map((messageId) => ({ subject: 'Your order', messageId }))));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => void server.close());
  catcher.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return catcher;
}

const mails = ['a.confirmed@sagamart.example', 'b.confirmed@sagamart.example', 'c.cancelled@sagamart.example'] as const;
const [a, b, c] = mails;

test('only mails that came since the last look are read, but for the last one', async (t) => {
  const catcher = await mailCatcher(t);
  const read = createMailReader(catcher.url);
  assert.deepEqual(await read(), []);
  catcher.store = [a, b];
  assert.deepEqual(await read(), [
    { messageId: a, orderId: 'a' },
    { messageId: b, orderId: 'b' },
  ]);
  catcher.store = [a, b, c];
  assert.deepEqual(
    (await read()).map(({ orderId }) => orderId),
    ['b', 'c'],
  );
});

for (const [what, restarted] of [
  ['the last one elsewhere', [b, c, a]],
  ['the last one where it was', [c, b, a]],
  ['those that were read gone', [c]],
] as const) {
  test(`a mail is found though a restart of the mail catcher put it in front of others: ${what}`, async (t) => {
    const catcher = await mailCatcher(t);
    const read = createMailReader(catcher.url);
    catcher.store = [a, b];
    await read();
    catcher.store = [...restarted];
    const found = (await read()).map(({ messageId }) => messageId);
    assert.ok(found.includes(c), `found ${found.join(', ')}`);
    assert.deepEqual(
      (await read()).map(({ messageId }) => messageId),
      restarted.slice(-1),
      'afterwards only what is new is read again',
    );
  });
}
