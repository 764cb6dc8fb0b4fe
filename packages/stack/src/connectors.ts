import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { capitals, connectUrl, databasePort, databaseServices, type DatabaseService, hostOf } from './addresses.ts';
import type { Say } from './part.ts';
import type { Settings } from './settings.ts';
import { readSlot } from './slot-sight.ts';
import { messageOf, StackProblem } from './stack-problem.ts';
import { fill } from './template.ts';

export function connectorName(service: DatabaseService): string {
  return `${service}-outbox`;
}

const REGISTER_WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 250;

/** Registers the connectors of infra/debezium and resolves when all run but those that wait for `healOutbox`. Can be repeated. */
export async function registerConnectors(settings: Settings, say: Say): Promise<void> {
  say('registering connectors');
  const services = connectedServices(readFileSync(join(settings.root, 'infra/debezium/databases.json'), 'utf8'));
  const deadline = Date.now() + REGISTER_WITHIN_MS;
  await Promise.all(services.map((service) => registerConnector(settings, service, deadline)));
  for (;;) {
    const states = await readConnectors(settings).catch(() => new Map<string, ConnectorState>());
    const down = services.filter((service) => !isUp(states.get(connectorName(service))));
    if (await areLeftToHeal(settings, down, states)) return;
    say(`${services.length - down.length} of ${services.length} connectors run`);
    if (Date.now() > deadline) {
      throw new Error(`after ${REGISTER_WITHIN_MS / 1000} s these connectors do not run: ${down.join(', ')}`);
    }
    await delay(LOOK_EVERY_MS);
  }
}

/** Whether none of these is worth waiting for: without a sound slot, or stopped by a healing that was broken off, a connector runs only once healed. */
async function areLeftToHeal(
  settings: Settings,
  services: readonly DatabaseService[],
  states: ReadonlyMap<string, ConnectorState>,
): Promise<boolean> {
  const areLeft = await Promise.all(
    services.map(async (service) => {
      if (states.get(connectorName(service))?.connector === 'STOPPED') return true;
      const slot = await readSlot(settings, service).catch(() => undefined);
      return slot !== undefined && slot.state !== 'sound';
    }),
  );
  return areLeft.every(Boolean);
}

/** The services named in infra/debezium/databases.json. */
export function connectedServices(databases: string): DatabaseService[] {
  return (JSON.parse(databases) as { service: string }[]).map(({ service }) => {
    const known = databaseServices.find((name) => name === service);
    if (known !== undefined) return known;
    const message = `infra/debezium/databases.json names '${service}', which has no database here. Known: ${databaseServices.join(', ')}.`;
    throw new StackProblem('no_such_database', message);
  });
}

async function registerConnector(settings: Settings, service: DatabaseService, deadline: number): Promise<void> {
  const template = readFileSync(join(settings.root, 'infra/debezium/outbox-connector.json'), 'utf8');
  const values = {
    SERVICE: service,
    SERVICE_CAPITALS: capitals(service),
    DB_HOST: hostOf(settings, `${service}-db`),
    DB_PORT: String(databasePort(settings, service)),
  };
  const config = JSON.parse(fill(template, values)) as Record<string, string>;
  const name = connectorName(service);
  const address = `${connectUrl(settings)}/connectors/${name}/config`;
  for (;;) {
    const refusal = await putConfig(address, name, config).catch((error: unknown) => ({ said: messageOf(error) }));
    if (refusal === undefined) return;
    if ('isFinal' in refusal || Date.now() > deadline) throw new Error(`Connect refused ${name}: ${refusal.said}`);
    await delay(LOOK_EVERY_MS);
  }
}

/**
 * Undefined when Connect has this configuration. A worker that just starts or joins its group does not listen yet, answers 404 or 409: only a
 * configuration that it calls wrong is refused for good.
 */
async function putConfig(
  address: string,
  name: string,
  config: Record<string, string>,
): Promise<{ said: string; isFinal?: true } | undefined> {
  // Connect restarts a connector whenever it is told its configuration, also when nothing in it is new.
  const known = await fetch(address, { signal: AbortSignal.timeout(10_000) });
  const registered: unknown = known.ok ? await known.json() : await known.body?.cancel();
  if (isDeepStrictEqual(registered, { ...config, name })) return undefined;
  const answer = await fetch(address, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(config),
    signal: AbortSignal.timeout(30_000),
  });
  const said = `${answer.status} ${await answer.text()}`;
  if (answer.ok) return undefined;
  return answer.status === 400 ? { said, isFinal: true } : { said };
}

export type ConnectorState = {
  readonly connector: string;
  readonly tasks: readonly { readonly state: string; readonly trace?: string }[];
};

/** Every connector's state, as Connect tells it. RUNNING does not mean that anything moves. */
export async function readConnectors(settings: Settings): Promise<Map<string, ConnectorState>> {
  const answer = await fetch(`${connectUrl(settings)}/connectors?expand=status`, {
    signal: AbortSignal.timeout(5_000),
  });
  if (!answer.ok) throw new Error(`Connect answers ${answer.status}`);
  const said = (await answer.json()) as Record<
    string,
    { status: { connector: { state: string }; tasks: { state: string; trace?: string }[] } }
  >;
  return new Map(
    Object.entries(said).map(([name, { status }]) => [
      name,
      { connector: status.connector.state, tasks: status.tasks },
    ]),
  );
}

/** Connect never restarts what FAILED by itself. */
export async function restartFailed(settings: Settings, connector: string): Promise<void> {
  const answer = await fetch(
    `${connectUrl(settings)}/connectors/${connector}/restart?includeTasks=true&onlyFailed=true`,
    { method: 'POST', signal: AbortSignal.timeout(10_000) },
  );
  const said = await answer.text();
  if (!answer.ok) throw new Error(`Connect does not restart ${connector}: ${answer.status} ${said}`);
}

export function isUp(state: ConnectorState | undefined): boolean {
  return (
    state !== undefined &&
    state.connector === 'RUNNING' &&
    state.tasks.length > 0 &&
    state.tasks.every((task) => task.state === 'RUNNING')
  );
}
