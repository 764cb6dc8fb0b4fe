import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { docker } from '@sagamart/stack/compose/docker';
import { readVariables } from './compose-file.ts';
import { inspectProject, ownServices, type Inspected } from './compose-project.ts';

let containers: Map<string, Inspected>;
before(async () => {
  containers = await inspectProject();
});

test('every container runs as hardened as the compose file says', () => {
  assert.ok(containers.size >= 15, `found only ${[...containers.keys()].join(', ')}`);
  for (const [service, { HostConfig }] of containers) {
    const { ReadonlyRootfs, CapDrop, SecurityOpt, Init } = HostConfig;
    const seen = { ReadonlyRootfs, CapDrop, SecurityOpt, Init };
    const expected = { ReadonlyRootfs: true, CapDrop: ['ALL'], SecurityOpt: ['no-new-privileges:true'], Init: true };
    assert.deepEqual(seen, expected, service);
    assert.ok(HostConfig.Memory > 0, `${service} has no memory limit`);
  }
});

test('no process in any container is root', async () => {
  for (const [service, { Id, State }] of containers) {
    if (State.Status !== 'running') continue;
    const [, ...processes] = (await docker(['top', Id, '-eo', 'uid,pid,args'])).trim().split('\n');
    assert.ok(processes.length > 0, service);
    for (const line of processes) assert.doesNotMatch(line.trim(), /^0\s/, service);
  }
});

test('every volume has a name, so that nothing is left behind by an image', () => {
  for (const [service, { Mounts }] of containers)
    for (const { Name, Destination } of Mounts)
      assert.doesNotMatch(Name ?? '', /^[0-9a-f]{64}$/, `${service} ${Destination}`);
});

test('no image holds a secret', async () => {
  const secrets = Object.values(readVariables('infra/local.env')).filter((value) => value?.startsWith('local-only-'));
  assert.ok(secrets.length >= 18, `found only ${secrets.length}`);
  for (const service of ownServices) {
    const image = containers.get(service)?.Image ?? service;
    const told = [
      await docker(['history', '--no-trunc', '--format', '{{.CreatedBy}}', image]),
      await docker(['image', 'inspect', image]),
    ].join();
    for (const secret of secrets) assert.ok(!told.includes(secret ?? ''), `the image of ${service} tells ${secret}`);
  }
  const tools = containers.get('connector-watch')?.Image ?? '';
  const pattern = secrets.map((secret) => `(${secret}\\b)`).join('|');
  const search = `grep --recursive --extended-regexp --files-with-matches --exclude-dir=node_modules '${pattern}' /shop || true`;
  const files = await docker(['run', '--rm', '--network', 'none', '--entrypoint', 'sh', tools, '-c', search]);
  assert.equal(files, '');
});
