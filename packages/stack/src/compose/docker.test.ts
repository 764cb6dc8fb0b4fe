import assert from 'node:assert/strict';
import { test } from 'node:test';
import { docker, readContainers } from './docker.ts';

const inspected = JSON.stringify([
  {
    Name: '/sagamart-gateway-1',
    Created: '2026-11-21T12:10:00Z',
    State: {
      Status: 'running',
      Pid: 28593,
      ExitCode: 0,
      OOMKilled: false,
      StartedAt: '2026-11-21T12:12:42.988676052Z',
      FinishedAt: '0001-01-01T00:00:00Z',
      Health: { Status: 'healthy', Log: [{ Output: 'not yet\n' }, { Output: '{"status":"ready"}\n' }] },
    },
    Config: {
      Labels: {
        'com.docker.compose.oneoff': 'False',
        'com.docker.compose.project': 'sagamart',
        'com.docker.compose.project.config_files': '/srv/shop/docker-compose.yml',
        'com.docker.compose.project.environment_file': '/srv/shop/infra/compose/light.env',
        'com.docker.compose.project.working_dir': '/srv/shop',
        'com.docker.compose.service': 'gateway',
      },
    },
    NetworkSettings: { Ports: { '8080/tcp': [{ HostIp: '127.0.0.1', HostPort: '18080' }], '9000/tcp': null } },
  },
]);

test('a container is known by its service, its health and its ports on this machine', () => {
  const [gateway] = readContainers(inspected);
  assert.equal(gateway?.service, 'gateway');
  assert.deepEqual(gateway.health, { status: 'healthy', isFailing: false, said: '{"status":"ready"}' });
  assert.deepEqual(gateway.publishedPorts, [18080]);
  assert.equal(gateway.isOneOff, false);
});

test('a tool is started with the files and settings that the shop was started with', () => {
  const args = readContainers(inspected)[0]?.composeArgs.join(' ');
  assert.equal(
    args,
    '--project-name sagamart --project-directory /srv/shop --file /srv/shop/docker-compose.yml --env-file /srv/shop/infra/compose/light.env',
  );
});

test('without Docker there is a sentence that says so', async (t) => {
  const { PATH } = process.env;
  t.after(() => (process.env.PATH = PATH));
  process.env.PATH = '/nowhere';
  await assert.rejects(docker(['ps']), { code: 'no_docker', message: /Docker is not installed/ });
});

test('an engine that does not answer is no shop, not a crash', async (t) => {
  const { DOCKER_HOST } = process.env;
  t.after(() => (DOCKER_HOST === undefined ? delete process.env.DOCKER_HOST : (process.env.DOCKER_HOST = DOCKER_HOST)));
  process.env.DOCKER_HOST = 'unix:///nowhere/docker.sock';
  await assert.rejects(docker(['ps']), { code: 'no_docker' });
});
