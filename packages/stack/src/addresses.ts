import { join } from 'node:path';
import type { PartName } from './part.ts';
import { type Settings, valueOf } from './settings.ts';

/** The services that own a database, and so have an outbox and a connector. */
export const databaseServices = ['order', 'inventory', 'payment', 'notification'] as const;
export type DatabaseService = (typeof databaseServices)[number];

export type DatabaseRole = 'owner' | 'app' | 'debezium' | 'auditor';

/** Where everything listens without containers. */
export const HOST = '127.0.0.1';

/** Where a part is reached: on this machine, or, from inside the containers' network, under its own name. */
export function hostOf(settings: Settings, part: PartName): string {
  return settings.hosts === 'loopback' ? HOST : part;
}

export function capitals<Name extends string>(service: Name): Uppercase<Name> {
  return service.toUpperCase() as Uppercase<Name>;
}

export function databasePort(settings: Settings, service: DatabaseService): number {
  return settings.ports[`${capitals(service)}_DB_PORT`];
}

export function rolePassword(settings: Settings, service: DatabaseService, role: DatabaseRole): string {
  return valueOf(settings, `${capitals(service)}_${capitals(role)}_PASSWORD`);
}

export function databaseUrl(settings: Settings, service: DatabaseService, role: DatabaseRole): string {
  const password = encodeURIComponent(rolePassword(settings, service, role));
  return `postgres://${service}_${role}:${password}@${hostOf(settings, `${service}-db`)}:${databasePort(settings, service)}/${service}_db`;
}

export function serviceUrl(settings: Settings, name: 'gateway' | 'psp' | DatabaseService): string {
  return `http://${hostOf(settings, name)}:${settings.ports[`${capitals(name)}_PORT`]}`;
}

export function kafkaBroker(settings: Settings): string {
  return `${hostOf(settings, 'kafka')}:${settings.ports.KAFKA_PORT}`;
}

export function connectUrl(settings: Settings): string {
  return `http://${hostOf(settings, 'connect')}:${settings.ports.CONNECT_PORT}`;
}

export function redisUrl(settings: Settings): string {
  return `redis://${hostOf(settings, 'redis')}:${settings.ports.REDIS_PORT}`;
}

export function mailUrl(settings: Settings): string {
  return `http://${hostOf(settings, 'mail')}:${settings.ports.MAIL_PORT}`;
}

export function smtpUrl(settings: Settings): string {
  return `smtp://${hostOf(settings, 'mail')}:${settings.ports.SMTP_PORT}`;
}

/** Where traces can be read, if Jaeger is a part of the shop. */
export function jaegerUrl(settings: Settings): string {
  return `http://${hostOf(settings, 'jaeger')}:${settings.ports.JAEGER_PORT}`;
}

/** Where a part keeps what must survive a restart; `--fresh` removes all of it. */
export function dataFolder(home: string, name: string): string {
  return join(home, 'data', name);
}
