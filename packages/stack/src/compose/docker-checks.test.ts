import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeFailures } from '../checks.ts';
import { judgeWays } from '../doctor.ts';
import {
  judgeCompose,
  judgeDockerMemory,
  judgeEngine,
  judgePublishedPorts,
  readPublishedPorts,
} from './docker-checks.ts';

test('an engine that is too old is named with its version and what is needed', () => {
  assert.equal(judgeEngine('28.5.2+dfsg4').fix, undefined);
  assert.equal(judgeEngine('25.0.0').fix, undefined);
  assert.match(describeFailures([judgeEngine('24.0.7')]) ?? '', /^Docker: Engine 24\.0\.7\. Docker Engine 25 or newer/);
});

test('a Compose that is too old or missing is told with what is needed', () => {
  for (const version of ['2.40.3-3\n', 'v2.24.0', '5.0.1']) assert.equal(judgeCompose(version).fix, undefined, version);
  assert.match(describeFailures([judgeCompose('v2.23.3')]) ?? '', /^Compose: v2\.23\.3\. Compose 2\.24 or newer/);
  assert.match(describeFailures([judgeCompose('')]) ?? '', /^Compose: none\. .*2\.24 or newer.*not docker-compose/);
});

test('too little memory given to Docker is told, with the smaller shop', () => {
  assert.equal(judgeDockerMemory(4 * 1024 ** 3).fix, undefined);
  const failure = describeFailures([judgeDockerMemory(3.5 * 1024 ** 3)]);
  assert.match(failure ?? '', /^memory: Docker has 3\.5 GB\. .*needs 4\.0 GB.*light\.env/);
});

test('a published port that is taken is told with its part and its variable', () => {
  const published = readPublishedPorts(
    '{"services":{"gateway":{"ports":[{"published":"8080"}]},"mail":{"ports":[{"published":"1080"}]},"order":{}}}',
  );
  assert.equal(judgePublishedPorts(published, []).found, 'all 2 are free');
  const [gateway] = published;
  assert.ok(gateway !== undefined);
  assert.match(
    describeFailures([judgePublishedPorts(published, [gateway])]) ?? '',
    /^ports taken: 8080 \(gateway, GATEWAY_PORT\)/,
  );
});

test('one open way to run the shop is enough', () => {
  assert.equal(judgeWays({ native: true, compose: false }), '\nReady: npm start');
  assert.equal(judgeWays({ native: false, compose: true }), '\nReady: docker compose up --wait');
  assert.match(judgeWays({ native: false, compose: false }), /Not ready/);
});
