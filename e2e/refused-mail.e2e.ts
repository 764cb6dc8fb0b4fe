import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { readSettings } from '@sagamart/stack/settings';
import { controlPart, readShopStatus } from '@sagamart/stack/shop';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import { followRunbook } from './runbook.ts';
import { enterShop, waitForRest } from './shop-under-test.ts';

const { client, books, shop } = await enterShop();
const settings = readSettings();

const restsWithinMs = 15_000;
const alarmWithinMs = 20_000;

test('mails that are refused for our sake go out when they are taken again, and one that a person gave up does not', async () => {
  const { token } = await client.openSession({ email: 'ada@example.com' });
  const guest = await client.openSession({});
  const sku = await client.createProduct({ stock: 9 });
  const order = { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_visa' };
  await controlPart(shop.home, 'mail', 'stop');
  const server = await refusingServer();
  const ids: string[] = [];
  try {
    for (let count = 0; count < 3; count += 1) ids.push((await client.placeOrder(token, order)).orderId);
    const untold = await client.placeOrder(guest.token, order);
    await client.orderWhere(guest.token, untold.orderId, ({ notifications }) => notifications.length > 0);
    await waitUntil('the alarm', async () => (await alarm())?.includes('mails waiting 3'), alarmWithinMs);
    const listed = await command();
    for (const orderId of ids) assert.match(listed, new RegExp(`${orderId} {2}confirmed: pending`));
    assert.match(listed, /RCPT TO: 550 5\.7\.1 this sender is refused/);
    const [given = ''] = ids;
    const givingUp = 'npm run notifications -- give-up <order id> confirmed --reason "told by telephone"';
    assert.match(
      await followRunbook('mail-waits', givingUp, { 'order id': given }),
      /^Done\..*: confirmed refused\.$/m,
    );
    await waitUntil('one less', async () => (await alarm())?.includes('mails waiting 2'), alarmWithinMs);
  } finally {
    await server.stop();
    await controlPart(shop.home, 'mail', 'start');
  }
  const sinceMs = Date.now();
  const [given = '', ...others] = ids;
  for (const orderId of others)
    await client.orderWhere(token, orderId, ({ notifications: [told] }) => told?.status === 'sent');
  assert.ok(Date.now() - sinceMs < restsWithinMs, `${Date.now() - sinceMs} ms`);
  await waitUntil('the end of the alarm', async () => (await alarm()) === undefined, alarmWithinMs);
  await waitForRest(books);

  assert.match(await command('list', '--state', 'refused'), new RegExp(given));
  await command('resend', given, 'confirmed', '--to', 'ada@example.org', '--reason', 'She asked for it.');
  await client.orderWhere(token, given, ({ notifications: [told] }) => told?.status === 'sent');
  const acts = await command('list', '--state', 'acts');
  assert.match(acts, new RegExp(`${given} {2}confirmed: resend to another address by grace: She asked for it\\.`));
});

/** Stands where the mail server stood, and takes nothing from our sender. */
async function refusingServer(): Promise<{ stop: () => Promise<void> }> {
  const sockets = new Set<{ destroy: () => unknown }>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.write('220 mail.example\r\n');
    createInterface({ input: socket }).on('line', (line) =>
      socket.write(line.startsWith('RCPT') ? '550 5.7.1 this sender is refused\r\n' : '250 fine\r\n'),
    );
  });
  server.listen(settings.ports.SMTP_PORT, '127.0.0.1');
  await once(server, 'listening');
  return {
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

async function alarm(): Promise<string | undefined> {
  return (await readShopStatus(shop.home)).parts.find(({ name }) => name === 'notification')?.detail;
}

/** What `npm run notifications` prints. */
async function command(...words: string[]): Promise<string> {
  const program = join(import.meta.dirname, '../packages/stack/src/notifications-cli.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...words, '--as', 'grace']);
  return stdout;
}
