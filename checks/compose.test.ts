import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DCLinter } from 'dclint';
import { readService, readVariables, resolveCompose, type ComposeProject } from '../e2e/compose/compose-file.ts';
import {
  containersAreHardened,
  containersComeBack,
  imagesArePinned,
  memoryLimitOf,
  networksAreWalls,
} from './compose-rules.ts';
import { dockerfileIsValid, imagesAreSafe } from './dockerfile.ts';
import { listFiles, repositoryRoot } from './source-tree.ts';

type LintResult = { filePath: string; messages: { message: string }[] };

const project = resolveCompose();
const dockerfile = readFileSync(join(repositoryRoot, 'Dockerfile'), 'utf8');
const composeFiles = ['docker-compose.yml', ...listFiles(['infra/compose']).filter((path) => path.endsWith('.yml'))];

// Left out: orders of keys, which hide what belongs together; the name, which only the including file has; an image beside `build`, which names what
// is built.
const linter = new DCLinter({
  rules: {
    'no-build-and-image': 0,
    'no-quotes-in-volumes': 0,
    'require-project-name-field': 0,
    'service-dependencies-alphabetical-order': 0,
    'service-keys-order': 0,
    'services-alphabetical-order': 0,
    'top-level-properties-order': 0,
  },
  quiet: false,
  debug: false,
  exclude: [],
});

test('every compose file is valid, and lint finds nothing in it', () => {
  assert.ok(composeFiles.length >= 5, `found only ${composeFiles.join(', ')}`);
  // The types that dclint ships point to files that it does not.
  const results = linter.lintFiles(
    composeFiles.map((path) => join(repositoryRoot, path)),
    false,
  ) as LintResult[];
  const found = results.flatMap(({ filePath, messages }) => messages.map(({ message }) => `${filePath} ${message}`));
  assert.deepEqual(found, []);
});

test('every container is hardened', () => {
  assert.deepEqual(containersAreHardened(project), []);
  const bare = withService({ image: 'redis:8.0.5', privileged: true, network_mode: 'host', cap_add: ['SYS_ADMIN'] });
  assert.equal(containersAreHardened(bare).length, 10);
  const mounting = withService({ volumes: ['./infra:/infra', '/var/run/docker.sock:/docker.sock:ro'] });
  assert.match(containersAreHardened(mounting).join(), /write to this folder.*command Docker/);
  assert.match(containersAreHardened(withService({ image: 'prom/prometheus:v3.5.0', user: '0:0' })).join(), /as root/);
});

test('every image is pinned by an exact tag, and nothing is fetched when a container starts', () => {
  assert.deepEqual(imagesArePinned(project), []);
  for (const image of ['redis', 'redis:latest', 'redis:8', 'redis:8.0.5@sha256:0', 'quay.io:443/debezium/connect'])
    assert.ok(imagesArePinned(withService({ image })).length > 0, image);
  assert.equal(imagesArePinned(withService({ image: 'redis:8.0.5', pull_policy: 'always' })).length, 1);
});

test('whatever runs for long tells how it is, and comes back after a crash', () => {
  assert.deepEqual(containersComeBack(project), []);
  assert.equal(containersComeBack(withService({ image: 'redis:8.0.5' })).length, 2);
  const unchecked = { image: 'sagamart/order:local', restart: 'unless-stopped', healthcheck: { disable: true } };
  assert.equal(containersComeBack(withService(unchecked)).length, 1);
});

test('only the gateway and what one looks at are reached from outside, and databases and Kafka from the data network only', () => {
  assert.deepEqual(networksAreWalls(project), []);
  const published = Object.entries(project.services).filter(([, { ports }]) => ports.length > 0);
  assert.deepEqual(published.map(([name]) => name).toSorted(), ['gateway', 'grafana', 'jaeger', 'mail', 'prometheus']);
  assert.match(networksAreWalls(withService({ networks: ['edge', 'data'] }, 'kafka')).join(), /kafka is on edge,data/);
  assert.match(networksAreWalls(withService({ networks: ['edge'] })).join(), /publishes nothing/);
  assert.equal(networksAreWalls(withService({ ports: ['5433:5432'] }, 'order-db')).length, 3);
  assert.match(networksAreWalls({ ...project, networks: { data: {} } }).join(), /data leads outside/);
});

test('every published port is a variable', () => {
  const moved = resolveCompose({
    GATEWAY_PORT: '1',
    MAIL_PORT: '1',
    JAEGER_PORT: '1',
    PROMETHEUS_PORT: '1',
    GRAFANA_PORT: '1',
  });
  for (const [name, { ports }] of Object.entries(moved.services))
    for (const { published } of ports) assert.equal(published, '1', name);
});

test('a value that is missing is named', () => {
  assert.throws(() => resolveCompose({ PSP_API_KEY: '' }), /PSP_API_KEY/);
});

test('the README says how much memory each size may take', () => {
  const gigabytes = (bytes: number) => `${(bytes / 1024 ** 3).toFixed(1)} GB`;
  const light = resolveCompose(readVariables('infra/compose/light.env'));
  const sizes = [memoryLimitOf(project), memoryLimitOf(project, ['full']), memoryLimitOf(light)].map(gigabytes);
  const readme = readFileSync(join(repositoryRoot, 'README.md'), 'utf8');
  const said = /at most ([\d.]+ GB) of memory, with\s`--profile full` ([\d.]+ GB), light ([\d.]+ GB)/.exec(readme);
  assert.deepEqual(said?.slice(1), sizes);
  assert.ok(memoryLimitOf(light) <= 3 * 1024 ** 3, `light may take ${sizes[2]}, more than 3 GB`);
});

test('the Dockerfile is valid, and its images are pinned, without secrets and without root', () => {
  assert.deepEqual([...dockerfileIsValid(dockerfile), ...imagesAreSafe(dockerfile)], []);
  assert.equal(dockerfileIsValid('FROM node:24.21.0\nCOPPY . .\n').length, 1);
  const unsafe =
    'FROM node:latest AS base\nUSER node\nFROM base AS shop\nARG API_KEY\nENV PASSWORD=x\nADD http://x /x\nUSER root\n';
  assert.equal(imagesAreSafe(unsafe).length, 5);
});

function withService(fields: Record<string, unknown>, name = 'extra'): ComposeProject {
  return { services: { [name]: readService(fields) }, networks: {}, volumes: {} };
}
