import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { renderDashboard } from '../packages/dashboards/src/dashboard.ts';
import { dashboards } from '../packages/dashboards/src/dashboards.ts';
import { metricNames } from '../packages/telemetry/src/names.ts';

type Alert = {
  alert?: string;
  record?: string;
  expr: string;
  labels?: { severity: string };
  annotations?: { summary: string; runbook: string };
};

const root = join(import.meta.dirname, '..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const { groups } = parse(read('infra/prometheus/alerts.yml')) as { groups: { rules: Alert[] }[] };
const rules = groups.flatMap((group) => group.rules);
const alerts = rules.filter((rule) => rule.alert !== undefined);

test('every alert names a page that says what it means, how to see it and what to do', () => {
  assert.ok(alerts.length > 10);
  for (const { alert = '', annotations, labels } of alerts) {
    assert.match(labels?.severity ?? '', /^(page|ticket)$/, alert);
    const page = annotations?.runbook ?? '';
    assert.ok(existsSync(join(root, page)), `${alert}: there is no ${page}`);
    const text = read(page);
    assert.ok(text.includes(`\`${alert}\``), `${page} does not say that it is about ${alert}`);
    for (const heading of ['What it means', 'See it', 'What to do'])
      assert.ok(text.includes(`**${heading}**`), `${page} has no **${heading}**`);
  }
});

test('every alert is tested: in its real windows and on a shop', () => {
  const unit = read('infra/prometheus/alert-cases.yml');
  const live = read('e2e/long/alerts.e2e.ts');
  for (const { alert = '' } of alerts) {
    assert.match(unit, new RegExp(`alertname: ${alert}\\b`), alert);
    assert.match(live, new RegExp(`'${alert}'`), alert);
  }
});

test('every runbook names the test that followed it to its end, with the commands that it prints', () => {
  for (const file of readdirSync(join(root, 'docs/runbooks'))) {
    const followed = /^\*\*Followed\*\* in `([^`]+)`: "([^"]+)"\.$/m.exec(read(`docs/runbooks/${file}`));
    assert.ok(followed, `docs/runbooks/${file} does not end with: **Followed** in \`e2e/…\`: "title of the test".`);
    const [, path = '', title = ''] = followed;
    const program = read(path);
    assert.ok(
      new RegExp(`test\\(\\s*'${title}'`).test(program),
      `${path} has no test '${title}', as docs/runbooks/${file} says`,
    );
    const [, whatToDo = ''] = read(`docs/runbooks/${file}`).split('**What to do**');
    const isFollowed = new RegExp(`followRunbook\\(\\s*'${file.replace('.md', '')}'`).test(program);
    assert.ok(isFollowed || !whatToDo.includes('`npm run '), `${path} runs no command of docs/runbooks/${file}`);
  }
});

test('alerts and dashboards ask only for metrics that are emitted', () => {
  const emitted = new Set(['up', 'ALERTS', ...Object.values(metricNames).map(({ name }) => name)]);
  const recorded = new Set(rules.flatMap(({ record }) => (record === undefined ? [] : [record])));
  const asked = [
    ...rules.map(({ alert, record, expr }) => [alert ?? record, expr] as const),
    ...Object.values(dashboards).flatMap(({ panels }) => panels.map(({ title, query }) => [title, query] as const)),
  ];
  for (const [who, query] of asked) {
    for (const [name] of query
      .replaceAll(/\bby \([^)]*\)/g, '')
      .matchAll(/\b(up|ALERTS|(sagamart|http)[a-z_:0-9]*)\b(?=[{[ )]|$)/g)) {
      const metric = name.replace(/_(bucket|count|sum)$/, '');
      assert.ok(emitted.has(name) || emitted.has(metric) || recorded.has(name), `${who} asks for ${name}`);
    }
  }
});

test('the dashboards that Grafana reads are those of packages/dashboards', () => {
  for (const [name, dashboard] of Object.entries(dashboards))
    assert.equal(
      read(`infra/grafana/dashboards/${name}.json`),
      `${JSON.stringify(renderDashboard(dashboard), undefined, 2)}\n`,
      `infra/grafana/dashboards/${name}.json is old: npm run docs`,
    );
});
