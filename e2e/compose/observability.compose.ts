import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ourParts } from '@sagamart/stack/part';
import { waitUntil } from '@sagamart/test-kit/wait-until';
import { prometheusAt } from '../prometheus.ts';
import { compose } from './compose-project.ts';

const full = ['--profile', 'full'];
const seenWithinMs = 30_000;

before(() => compose(...full, 'up', '--wait', '--no-build'));
// Without the profile, `down` would leave them.
after(() => compose(...full, 'rm', '--stop', '--force', '--volumes', 'prometheus', 'grafana'));

test('with the profile full, Prometheus sees every service and can evaluate every alert', async () => {
  const { query, rules } = prometheusAt(`http://127.0.0.1:${process.env.PROMETHEUS_PORT ?? 9090}`);
  const seen = async () => (await query('up == 1')).map(({ labels }) => labels['service'] ?? '').toSorted();
  await waitUntil('every service is seen', async () => (await seen()).length === ourParts.length, seenWithinMs);
  assert.deepEqual(await seen(), ourParts.toSorted());
  await waitUntil('every alert is evaluated', async () => (await rules()).broken.length === 0, seenWithinMs);
  assert.ok((await rules()).count > 10);
});

test('with the profile full, Grafana is there', async () => {
  const { status } = await fetch(`http://127.0.0.1:${process.env.GRAFANA_PORT ?? 3000}/api/health`);
  assert.equal(status, 200);
});
