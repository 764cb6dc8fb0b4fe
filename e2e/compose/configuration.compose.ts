import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readService, readVariables, repositoryRoot, resolveCompose, type ComposeProject } from './compose-file.ts';
import { compose, refusalOf } from './compose-project.ts';

const config = ['--profile', '*', 'config', '--format', 'json'];

test('what the checks read without Docker is what compose reads', async () => {
  assert.deepEqual(comparable(resolveCompose(process.env)), await readByCompose());
});

test('the checks read the light size as compose does', async () => {
  const light = readVariables('infra/compose/light.env');
  const byCompose = await readByCompose('--env-file', 'infra/compose/light.env');
  assert.deepEqual(comparable(resolveCompose({ ...light, ...process.env })), byCompose);
});

test('a secret without a value is told in one line that names it', async () => {
  process.env.PSP_API_KEY = '';
  const refusal = await refusalOf('config', '--quiet').finally(() => delete process.env.PSP_API_KEY);
  assert.match(refusal, /PSP_API_KEY is missing a value: see infra\/local\.env/);
});

async function readByCompose(...options: string[]): Promise<unknown> {
  const { services } = JSON.parse(await compose(...options, ...config)) as {
    services: Record<string, Record<string, unknown>>;
  };
  const read = Object.entries(services).map(([name, fields]) => [name, readService(fields)] as const);
  return comparable({ services: Object.fromEntries(read), networks: {}, volumes: {} });
}

// Left out: how a health check and a build are written. Compose gives paths as absolute ones.
function comparable({ services }: ComposeProject): unknown {
  const all = Object.entries(services).map(([name, { healthcheck, build, ...service }]) => {
    const volumes = service.volumes.map(({ type, source, target, read_only }) => ({
      type,
      source: source.replace(repositoryRoot, '.'),
      target,
      read_only,
    }));
    const ports = service.ports.map(({ host_ip, published, target }) => ({ host_ip, published, target }));
    return [
      name,
      {
        ...service,
        volumes,
        ports,
        networks: service.networks.toSorted(),
        isBuilt: build !== undefined,
        test: healthcheck?.test,
      },
    ];
  });
  return Object.fromEntries(all);
}
