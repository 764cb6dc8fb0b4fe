import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { controlPsp, formatPspControls, readPspRequest } from './psp-controls.ts';
import { StackProblem } from './stack-problem.ts';

const good = { latencyMs: 0, errorRate: 0, lostReplies: 0, down: false, nonsense: 'none' } as const;

const commands: [string[], ReturnType<typeof readPspRequest>][] = [
  [['status'], { kind: 'status' }],
  [['up'], { kind: 'up' }],
  [['down'], { kind: 'change', change: { down: true } }],
  [['latency', '3000'], { kind: 'change', change: { latencyMs: 3000 } }],
  [['errors', '0.3'], { kind: 'change', change: { errorRate: 0.3 } }],
  [['lose', '5'], { kind: 'change', change: { lostReplies: 5 } }],
  [['nonsense', 'bad_json'], { kind: 'change', change: { nonsense: 'bad_json' } }],
];
for (const [[command, value], expected] of commands) {
  test(`psp ${[command, value].join(' ')} is understood`, () => {
    assert.deepEqual(readPspRequest(command, value), expected);
  });
}

for (const [command, value] of [
  [undefined],
  ['sideways'],
  ['latency'],
  ['latency', 'much'],
  ['errors', '-1'],
  ['nonsense', 'none'],
]) {
  test(`psp ${command} ${value} is refused with what was expected`, () => {
    assert.throws(() => readPspRequest(command, value), StackProblem);
  });
}

test('the controls are put into words', () => {
  assert.equal(formatPspControls(good), 'psp: behaves');
  assert.equal(
    formatPspControls({ latencyMs: 3000, errorRate: 0.5, lostReplies: 2, down: true, nonsense: 'bad_json' }),
    'psp: down, 3000 ms latency, 50 % errors, the next 2 replies are lost, answers nonsense (bad_json)',
  );
});

test('one control is changed and the others stay; up ends them all', async (t) => {
  let controls: object = { ...good, latencyMs: 200 };
  const keys = new Set<string | undefined>();
  const server = createServer((request, response) => {
    keys.add(request.headers.authorization);
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => {
      if (request.method === 'PUT') controls = JSON.parse(text) as object;
      if (request.method === 'DELETE') controls = good;
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(controls));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const shop = { pspUrl: `http://127.0.0.1:${address.port}`, pspApiKey: 'k' };
  const changed = { ...good, latencyMs: 200, down: true };
  assert.deepEqual(await controlPsp(shop, { kind: 'change', change: { down: true } }), changed);
  assert.deepEqual(await controlPsp(shop, { kind: 'status' }), changed);
  assert.deepEqual(await controlPsp(shop, { kind: 'up' }), good);
  assert.deepEqual([...keys], ['Bearer k']);
});

test('a psp that does not answer is named', async () => {
  await assert.rejects(controlPsp({ pspUrl: 'http://127.0.0.1:1', pspApiKey: 'k' }, { kind: 'status' }), /logs psp/);
});
