import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dataFolder, HOST, serviceUrl } from './addresses.ts';
import { ourParts, type Part } from './part.ts';
import { probeHttp } from './probe.ts';
import { prometheusPrograms } from './prometheus-programs.ts';
import type { Settings } from './settings.ts';

const KEPT_FOR = '2d';
// A scrape may take as long as it is to the next, and what a service asks for it up to 1.5 s.
const SCRAPE_EVERY_MS_MIN = 2_000;

/**
 * Prometheus over all services of the shop, with its alerts. `windowFactor` shortens every duration of the alerts and how often is looked: tests see
 * in seconds what takes minutes otherwise.
 */
export function prometheusPart(settings: Settings, { windowFactor = 1 } = {}): Part {
  const port = settings.ports.PROMETHEUS_PORT;
  const url = `http://${HOST}:${port}`;
  const data = dataFolder(settings.home, 'prometheus');
  const configured = join(settings.home, 'etc/prometheus');
  let program: string | undefined;
  return {
    name: 'prometheus',
    kind: 'observer',
    url,
    ports: [{ variable: 'PROMETHEUS_PORT', port }],
    after: [],
    prepare: async (say, signal) => {
      program = (await prometheusPrograms(settings, say, signal)).prometheus;
      mkdirSync(data, { recursive: true });
      configure(settings, configured, windowFactor);
    },
    command: async () => {
      if (program === undefined) throw new Error('prometheus was not prepared');
      return {
        program,
        args: [
          `--config.file=${join(configured, 'prometheus.yml')}`,
          `--storage.tsdb.path=${data}`,
          `--storage.tsdb.retention.time=${KEPT_FOR}`,
          `--web.listen-address=${HOST}:${port}`,
          '--enable-feature=exemplar-storage',
          '--log.level=warn',
        ],
        env: {},
      };
    },
    probe: () => probeHttp(`${url}/-/ready`),
    stopSignal: 'SIGTERM',
    readyWithinMs: 30_000,
    stopWithinMs: 10_000,
  };
}

function configure(settings: Settings, folder: string, windowFactor: number): void {
  mkdirSync(folder, { recursive: true });
  const infra = join(settings.root, 'infra/prometheus');
  const read = (file: string) => readFileSync(join(infra, file), 'utf8');
  writeFileSync(join(folder, 'prometheus.yml'), scaleIntervals(read('prometheus.yml'), windowFactor));
  writeFileSync(join(folder, 'alerts.yml'), scaleWindows(read('alerts.yml'), windowFactor));
  const targets = ourParts.map((service) => ({
    targets: [new URL(serviceUrl(settings, service)).host],
    labels: { service },
  }));
  writeFileSync(join(folder, 'targets.json'), JSON.stringify(targets));
}

/** Multiplies the windows of all ranges ([5m]), looks back (offset 5m) and waits (for: 1m) of alert rules. */
export function scaleWindows(rules: string, factor: number): string {
  return rules.replaceAll(
    /(\[|for: |offset )(\d+)([smhd])\b/g,
    (_whole, before: string, count: string, unit: string) => {
      return `${before}${Math.round(milliseconds(count, unit) * factor)}ms`;
    },
  );
}

function scaleIntervals(config: string, factor: number): string {
  return config.replaceAll(/(_interval: )(\d+)([smhd])\b/g, (_whole, before: string, count: string, unit: string) => {
    return `${before}${Math.max(SCRAPE_EVERY_MS_MIN, Math.round(milliseconds(count, unit) * factor))}ms`;
  });
}

const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function milliseconds(count: string, unit: string): number {
  return Number(count) * (unitMs[unit] ?? Number.NaN);
}
