import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { newId, type EventId } from '@sagamart/contracts/ids';
import { controlPart, readShopStatus } from '@sagamart/stack/shop';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import { Kafka, logLevel } from 'kafkajs';
import { Client } from 'pg';
import { ownerUrl } from './owner-url.ts';
import { expectProblem } from './shop-client.ts';
import { enterShop } from './shop-under-test.ts';

const { client, shop } = await enterShop();
const { token } = await client.openSession({ email: 'ada@example.com' });
const operator = await client.operatorToken();

type Message = {
  id: string;
  service: string;
  key: string;
  type: string;
  reason: string;
  attempts: number;
  status: string;
  waitingBehind: number;
  acts: { act: string; operator: string; reason: string | null; outcome: string }[];
};

async function parkedOf(key: string, status = 'parked'): Promise<Message[]> {
  const answer = await client.call('GET', `/v1/parked-messages?limit=100&status=${status}`, { token: operator });
  assert.equal(answer.status, 200, answer.text);
  return (answer.body as { items: Message[] }).items.filter((message) => message.key === key);
}

/** Waits until so many messages of the key are parked, and gives them back in the order in which they came. */
async function waitForParked(key: string, count: number): Promise<Message[]> {
  const look = async () => {
    const found = await parkedOf(key);
    return found.length === count && found.toReversed();
  };
  return waitUntil(`${count} parked messages of ${key}`, look, 30_000);
}

async function act(id: string | undefined, what: 'replay' | 'discard', body?: object) {
  const options = body === undefined ? { token: operator } : { token: operator, body };
  return client.call('POST', `/v1/parked-messages/${id}/${what}`, options);
}

/** What the status of the shop says beside a part. */
async function alarmOf(part: string): Promise<string | undefined> {
  return (await readShopStatus(shop.home)).parts.find(({ name }) => name === part)?.detail;
}

/** Writes a message that no service said straight into payment.events, which only the order service reads. */
async function forge(key: string, headers: Record<string, string>): Promise<void> {
  const kafka = new Kafka({ clientId: 'e2e', brokers: [...shop.kafkaBrokers], logLevel: logLevel.NOTHING });
  const producer = kafka.producer({ allowAutoTopicCreation: false });
  await producer.connect();
  try {
    await producer.send({ topic: 'payment.events', messages: [{ key, value: '{"orderId":', headers }] });
  } finally {
    await producer.disconnect();
  }
}

function forgedHeaders(key: string): Record<string, string> {
  return {
    ...{ ce_id: newId<EventId>(), ce_type: 'payment.captured', ce_source: '/payment', ce_subject: key },
    ...{ ce_time: new Date().toISOString(), ce_specversion: '1.0', ce_correlationid: key, ce_aggregateversion: '1' },
    ...{ ce_dataschema: 'https://sagamart.example/schemas/payment.captured/1', ce_lamport: '9' },
    'content-type': 'application/json',
  };
}

/** `npm run parked -- …`, without npm around it. */
async function runCommand(...args: string[]): Promise<{ code: number; said: string }> {
  const program = join(import.meta.dirname, '../packages/stack/src/parked-cli.ts');
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [program, ...args], { timeout: 30_000 });
    return { code: 0, said: stdout };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, said: stdout + stderr };
  }
}

test('forged messages hold up their own order only, and when they are discarded it ends as if they had never been', async () => {
  const sku = await client.createProduct({ stock: 3 });
  const order = { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_visa' };
  await controlPart(shop.home, 'payment', 'stop');
  const { orderId } = await client.placeOrder(token, order);
  try {
    await forge(orderId, forgedHeaders(orderId));
    await forge(orderId, {});
    await waitForParked(orderId, 2);
  } finally {
    await controlPart(shop.home, 'payment', 'start');
  }
  const other = await client.placeOrder(token, order);
  await client.orderWhere(token, other.orderId, ({ status }) => status === 'confirmed');

  const [head, nameless, captured] = await waitForParked(orderId, 3);
  assert.deepEqual(
    [head, nameless, captured].map((message) => [message?.service, message?.reason, message?.waitingBehind]),
    [
      ['order', 'invalid_data', 2],
      ['order', 'invalid_id', 1],
      ['order', 'behind_parked', 0],
    ],
  );
  await waitUntil('the status says so', async () => (await alarmOf('order'))?.includes('parked messages: 3'), 30_000);
  const shown = await client.call('GET', `/v1/parked-messages/${head?.id}`, { token: operator });
  const { payload, waiting } = shown.body as { payload: string; waiting: Message[] };
  assert.deepEqual([payload, waiting.map(({ id }) => id)], ['{"orderId":', [nameless?.id, captured?.id]]);

  assert.equal(expectProblem(409, await act(captured?.id, 'replay')).code, 'not_first_in_line');
  expectProblem(400, await act(head?.id, 'discard', {}));
  const again = await runCommand('replay', head?.id ?? '');
  assert.equal(again.code, 1, again.said);
  assert.equal((await parkedOf(orderId)).at(-1)?.attempts, 2);

  const first = await act(head?.id, 'discard', { reason: 'a forgery' });
  const { handledBehind, next } = first.body as { handledBehind: number; next: { id: string } };
  assert.deepEqual([first.status, handledBehind, next.id], [200, 0, nameless?.id]);
  const second = await runCommand('discard', nameless?.id ?? '', '--reason', 'another one', '--as', 'grace', '--json');
  assert.equal(second.code, 0, second.said);
  assert.equal((JSON.parse(second.said) as { handledBehind: number }).handledBehind, 1);

  await client.orderWhere(
    token,
    orderId,
    ({ status, stock }) => status === 'confirmed' && stock.status === 'committed',
  );
  assert.deepEqual(await parkedOf(orderId), []);
  await waitUntil('the alarm is over', async () => (await alarmOf('order')) === undefined, 30_000);
  const [, ofGrace] = (await parkedOf(orderId, 'discarded')).map(({ acts }) => acts.at(-1)).toReversed();
  assert.deepEqual([ofGrace?.operator, ofGrace?.reason], ['grace', 'another one']);
  const [replayed] = await parkedOf(orderId, 'replayed');
  assert.equal(replayed?.id, captured?.id);
  assert.equal(await client.available(sku), 1);
});

test('what could not be handled is replayed after the repair, once, and the order goes on where it stood', async () => {
  const sku = await client.createProduct({ stock: 1 });
  await controlPart(shop.home, 'payment', 'stop');
  const order = { lines: [{ sku, quantity: 1 }], paymentMethod: 'tok_visa' };
  const { orderId } = await client.placeOrder(token, order);
  const owner = new Client({ connectionString: ownerUrl(shop, 'payment') });
  await owner.connect();
  const broken = 'e2e_broken';
  try {
    await owner.query(`alter table payments add constraint ${broken} check (order_id <> '${orderId}') not valid`);
    await controlPart(shop.home, 'payment', 'start');
    const parked = await waitForParked(orderId, 2);
    assert.deepEqual(parked.map(({ service, type, reason }) => `${service} ${type} ${reason}`).toSorted(), [
      'payment order.placed handler_failed',
      'payment stock.reserved handler_failed',
    ]);
    await owner.query(`alter table payments drop constraint ${broken}`);
    for (const { id } of parked) {
      const answers = await Promise.all([act(id, 'replay'), act(id, 'replay')]);
      assert.deepEqual(
        answers.map(({ status, body }) => [status, (body as { status: string }).status]),
        [
          [200, 'replayed'],
          [200, 'replayed'],
        ],
      );
    }
  } finally {
    await owner.query(`alter table payments drop constraint if exists ${broken}`);
    await owner.end();
    await controlPart(shop.home, 'payment', 'start');
  }
  await client.orderWhere(token, orderId, ({ status }) => status === 'confirmed');
  assert.equal(await client.available(sku), 0);
});

test('a wrong id, a customer and a discard without a reason get a refusal, from the command too', async () => {
  const id = newId<EventId>();
  expectProblem(404, await act(id, 'replay'));
  expectProblem(404, await act(id, 'discard', { reason: 'there is none' }));
  expectProblem(400, await act('42', 'replay'));
  expectProblem(403, await client.call('GET', '/v1/parked-messages', { token }));
  for (const [args, expected] of [
    [['show', id], /404 not_found/],
    [['replay', '42'], /400 invalid_request.*\/params\/id/],
    [['discard', id], /--reason/],
  ] as const) {
    const { code, said } = await runCommand(...args);
    assert.equal(code, 2, said);
    assert.match(said, expected);
  }
});
