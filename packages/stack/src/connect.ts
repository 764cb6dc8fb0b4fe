import { join } from 'node:path';
import { capitals, connectUrl, databaseServices, HOST, kafkaBroker, rolePassword } from './addresses.ts';
import { connectorLook } from './connector-look.ts';
import { registerConnectors } from './connectors.ts';
import { javaParts, type Jvm, jvm } from './java.ts';
import type { Part } from './part.ts';
import { tailOfLog } from './part-log.ts';
import { probeHttp } from './probe.ts';
import type { Settings } from './settings.ts';
import { fillFile } from './template.ts';

/** Of the end of its log, where a task that tries again says why. */
const LOG_LINES = 400;
const HEAP = ['-Xms64m', '-Xmx256m'];

/** Kafka Connect with one Debezium connector a database. */
export function connectPart(settings: Settings): Part {
  const properties = join(settings.home, 'etc/connect.properties');
  let java: Jvm | undefined;
  return {
    name: 'connect',
    kind: 'connect',
    url: connectUrl(settings),
    ports: [{ variable: 'CONNECT_PORT', port: settings.ports.CONNECT_PORT }],
    after: ['kafka'],
    settleAfter: ['order-db', 'inventory-db', 'payment-db', 'notification-db'],
    prepare: async (say, signal) => {
      const parts = await javaParts(settings, say, signal);
      fillFile(join(settings.root, 'infra/debezium/worker.properties'), properties, {
        KAFKA_BROKERS: kafkaBroker(settings),
        CONNECT_HOST: HOST,
        CONNECT_PORT: String(settings.ports.CONNECT_PORT),
        PLUGIN_PATH: parts.plugins,
      });
      java = await jvm(settings, parts, 'connect', HEAP);
    },
    command: async () => {
      if (java === undefined) throw new Error('connect was not prepared');
      const passwords = databaseServices.map(
        (service) => [`${capitals(service)}_DEBEZIUM_PASSWORD`, rolePassword(settings, service, 'debezium')] as const,
      );
      return {
        program: java.program,
        args: [...java.args, 'org.apache.kafka.connect.cli.ConnectDistributed', properties],
        env: { ...java.env, ...Object.fromEntries(passwords) },
      };
    },
    probe: () => probeHttp(`${connectUrl(settings)}/connectors`),
    settle: (say) => registerConnectors(settings, say),
    look: connectorLook(settings, async () => tailOfLog(settings.home, 'connect', LOG_LINES)),
    ended: (stopped) => java?.ended(stopped),
    stopSignal: 'SIGTERM',
    readyWithinMs: 120_000,
    stopWithinMs: 30_000,
  };
}
