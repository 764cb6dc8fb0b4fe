import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { dataFolder, HOST, mailUrl } from './addresses.ts';
import type { Part } from './part.ts';
import { probeHttp } from './probe.ts';
import type { Settings } from './settings.ts';

// It keeps every mail in memory, about 30 kB each, and reads all of them again at its start.
const HEAP_MB = 768;

/** The mail catcher: whatever the shop sends arrives here, on disk, and is shown on a page. */
export function mailPart(settings: Settings): Part {
  const { MAIL_PORT, SMTP_PORT } = settings.ports;
  const folder = dataFolder(settings.home, 'mail');
  return {
    name: 'mail',
    kind: 'mail',
    url: mailUrl(settings),
    ports: [
      { variable: 'MAIL_PORT', port: MAIL_PORT },
      { variable: 'SMTP_PORT', port: SMTP_PORT },
    ],
    after: [],
    prepare: async () => void mkdirSync(folder, { recursive: true }),
    command: async () => {
      const program = join(dirname(createRequire(import.meta.url).resolve('maildev/package.json')), 'bin/maildev');
      const listen = ['--ip', HOST, '--smtp', String(SMTP_PORT), '--web-ip', HOST, '--web', String(MAIL_PORT)];
      return {
        program: process.execPath,
        args: [`--max-old-space-size=${HEAP_MB}`, program, ...listen, '--mail-directory', folder, '--silent'],
        env: { PATH: process.env.PATH ?? '' },
        cwd: folder,
      };
    },
    probe: () => probeHttp(`${mailUrl(settings)}/healthz`),
    stopSignal: 'SIGTERM',
    readyWithinMs: 60_000,
    stopWithinMs: 5_000,
  };
}
