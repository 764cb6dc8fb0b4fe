import { join } from 'node:path';
import { HOST, jaegerUrl } from './addresses.ts';
import { jaegerProgram } from './jaeger-program.ts';
import type { Part } from './part.ts';
import { probeHttp } from './probe.ts';
import type { Settings } from './settings.ts';

/** Jaeger, to which every process of ours sends its spans where it was added to the shop. */
export function jaegerPart(settings: Settings): Part {
  const { JAEGER_PORT, OTLP_PORT } = settings.ports;
  const url = jaegerUrl(settings);
  let program: string | undefined;
  return {
    name: 'jaeger',
    kind: 'observer',
    url,
    ports: [
      { variable: 'JAEGER_PORT', port: JAEGER_PORT },
      { variable: 'OTLP_PORT', port: OTLP_PORT },
    ],
    after: [],
    prepare: async (say, signal) => {
      program = await jaegerProgram(settings, say, signal);
    },
    command: async () => {
      if (program === undefined) throw new Error('jaeger was not prepared');
      return {
        program,
        args: ['--config', join(settings.root, 'infra/jaeger/jaeger.yml')],
        env: { JAEGER_PORT: String(JAEGER_PORT), OTLP_PORT: String(OTLP_PORT) },
      };
    },
    probe: () => probeHttp(`${url}/api/services`),
    stopSignal: 'SIGTERM',
    readyWithinMs: 30_000,
    stopWithinMs: 5_000,
  };
}

/** Where Jaeger takes spans. */
export function otlpUrl(settings: Settings): string {
  return `http://${HOST}:${settings.ports.OTLP_PORT}`;
}
