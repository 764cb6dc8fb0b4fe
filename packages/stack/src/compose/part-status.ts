import type { PartKind, PartState, PartStatus } from '../part.ts';
import type { ShopState, ShopStatus } from '../supervisor.ts';
import { readReadiness } from '../probe.ts';
import type { Container } from './docker.ts';
import type { Sights } from './part-sights.ts';

type Known = { readonly kind: PartKind; readonly url: string; readonly isOptional?: true };

// Addresses as the parts see each other; a published port has its place on this machine instead.
const knownParts: ReadonlyMap<string, Known> = new Map<string, Known>([
  ['order-db', { kind: 'database', url: 'postgres://order-db:5432/order_db' }],
  ['inventory-db', { kind: 'database', url: 'postgres://inventory-db:5432/inventory_db' }],
  ['payment-db', { kind: 'database', url: 'postgres://payment-db:5432/payment_db' }],
  ['notification-db', { kind: 'database', url: 'postgres://notification-db:5432/notification_db' }],
  ['kafka', { kind: 'broker', url: 'kafka:9092' }],
  ['connect', { kind: 'connect', url: 'http://connect:8083' }],
  ['connector-watch', { kind: 'watch', url: 'http://connector-watch:8084' }],
  ['redis', { kind: 'cache', url: 'redis://redis:6379' }],
  ['mail', { kind: 'mail', url: 'http://mail:1080' }],
  ['psp', { kind: 'provider', url: 'http://psp:3005' }],
  ['order', { kind: 'service', url: 'http://order:3001' }],
  ['inventory', { kind: 'service', url: 'http://inventory:3002' }],
  ['payment', { kind: 'service', url: 'http://payment:3003' }],
  ['notification', { kind: 'service', url: 'http://notification:3004' }],
  ['gateway', { kind: 'service', url: 'http://gateway:8080' }],
  ['jaeger', { kind: 'observer', url: 'http://jaeger:16686', isOptional: true }],
  ['prometheus', { kind: 'observer', url: 'http://prometheus:9090', isOptional: true }],
  ['grafana', { kind: 'observer', url: 'http://grafana:3000', isOptional: true }],
]);

/** Whether a container is a part of the shop, not one that only sets up, nor a tool's. */
export function isPart({ service, isOneOff }: Container): boolean {
  return knownParts.has(service) && !isOneOff;
}

/**
 * The shop that these containers of one project make, with what the watch sees of those that run. A part without a container is stopped; Jaeger and its
 * like may be missing altogether.
 */
export function judgeShop(containers: readonly Container[], now: Date, sights: Sights = {}): ShopStatus {
  const parts = [...knownParts].flatMap(([name, known]): PartStatus[] => {
    const container = containers.find((one) => one.service === name && isPart(one));
    if (container !== undefined) return [withSight(judgePart(container, known), sights[name])];
    if (known.isOptional === true) return [];
    return [{ name, kind: known.kind, url: known.url, state: 'stopped', since: now.toISOString() }];
  });
  if (parts.every(({ container }) => container === undefined))
    return { state: 'stopped', target: 'compose', parts: [] };
  return { state: judgeState(parts), target: 'compose', parts };
}

/** Docker looks every ten seconds and believes the third bad answer; the watch looks every other second. */
function withSight(part: PartStatus, sight: Sights[string] | undefined): PartStatus {
  if (sight === undefined || (part.state !== 'running' && part.state !== 'unhealthy')) return part;
  const { detail: _said, ...rest } = part;
  const { state, words, since } = sight;
  return {
    ...rest,
    state,
    since: state === 'running' ? part.since : since,
    ...(words.length > 0 && { detail: words.join('; ') }),
  };
}

function judgePart(container: Container, { kind, url }: Known): PartStatus {
  const state = judgeContainer(container);
  const detail = describeContainer(container);
  const [port] = container.publishedPorts;
  return {
    name: container.service,
    kind,
    url: port === undefined ? url : `http://127.0.0.1:${port}`,
    container: container.name,
    state,
    since: sinceWhen(container),
    ...(detail === undefined ? {} : { detail }),
  };
}

function sinceWhen({ status, createdAt, startedAt, finishedAt }: Container): string {
  if (status === 'created') return createdAt;
  return status === 'exited' || status === 'dead' || status === 'restarting' ? finishedAt : startedAt;
}

function judgeState(parts: readonly PartStatus[]): ShopState {
  if (parts.every(({ state }) => state === 'running')) return 'running';
  if (parts.every(({ state }) => state === 'stopped' || state === 'failed')) return 'stopped';
  return parts.every(({ state }) => ['running', 'starting', 'waiting'].includes(state)) ? 'starting' : 'degraded';
}

function judgeContainer({ status, health }: Container): PartState {
  switch (status) {
    case 'created':
      return 'waiting';
    case 'running':
      if (health === undefined) return 'running';
      if (health.status === 'healthy') return health.isFailing ? 'unhealthy' : 'running';
      return health.status;
    case 'paused':
    case 'restarting':
      return status;
    case 'removing':
      return 'stopping';
    case 'exited':
      return 'stopped';
    case 'dead':
      return 'failed';
    default:
      return status satisfies never;
  }
}

function describeContainer({ status, health, exitCode, isOutOfMemory }: Container): string | undefined {
  if (status === 'exited' || status === 'restarting') {
    if (isOutOfMemory) return 'it used more memory than its limit';
    return exitCode === 0 ? undefined : `ended with exit code ${exitCode}`;
  }
  if (status !== 'running' || health === undefined || health.said === '') return undefined;
  const told = readReadiness(health.said);
  if (told.length > 0) return told.join('; ');
  return health.status === 'healthy' && !health.isFailing ? undefined : health.said;
}
