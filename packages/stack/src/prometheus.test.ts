import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { databaseServices } from './addresses.ts';
import { scaleWindows } from './prometheus.ts';
import { defaultPorts } from './settings.ts';

const infra = (file: string) => readFileSync(join(import.meta.dirname, '../../../infra/prometheus', file), 'utf8');

test('a factor shortens every window and wait of the alerts, and nothing else', () => {
  assert.equal(
    scaleWindows('expr: a_30m > 60 and rate(b[5m]) > 1 and b offset 5m\nfor: 1h # in 10s', 0.1),
    'expr: a_30m > 60 and rate(b[30000ms]) > 1 and b offset 30000ms\nfor: 360000ms # in 10s',
  );
  const scaled = scaleWindows(infra('alerts.yml'), 0.1);
  assert.doesNotMatch(scaled, /\[\d+[smhd]\]|(for:|offset) \d+[smhd]\b/);
  assert.equal(scaled.match(/\d+ms/g)?.length, infra('alerts.yml').match(/\[\d+[mh]\]|(for:|offset) \d+[mh]/g)?.length);
});

test('in containers Prometheus finds every service under its own name and port', () => {
  const targets = JSON.parse(infra('targets.json')) as { targets: string[]; labels: { service: string } }[];
  const expected = (['gateway', ...databaseServices, 'psp'] as const).map((service) => ({
    targets: [`${service}:${defaultPorts[`${service.toUpperCase() as Uppercase<typeof service>}_PORT`]}`],
    labels: { service },
  }));
  assert.deepEqual(targets, expected);
});
