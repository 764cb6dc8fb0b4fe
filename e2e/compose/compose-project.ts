import { docker, listContainers } from '@sagamart/stack/compose/docker';
import { ourParts } from '@sagamart/stack/part';
import { ShopClient } from '../shop-client.ts';

/** What `docker inspect` tells of a container, as far as these tests look at it. */
export type Inspected = {
  Id: string;
  Image: string;
  RestartCount: number;
  Config: { Image: string; Labels: Record<string, string> };
  State: { Status: string; StartedAt: string; ExitCode: number; Health?: { Status: string } };
  HostConfig: {
    ReadonlyRootfs: boolean;
    CapDrop: string[];
    SecurityOpt: string[];
    Memory: number;
    Init: boolean;
    PortBindings: Record<string, { HostIp: string; HostPort: string }[]>;
  };
  Mounts: { Type: string; Name?: string; Destination: string; RW: boolean }[];
  NetworkSettings: { Networks: Record<string, { IPAddress: string }> };
};

const UP_WITHIN_MS = 300_000;

/** The project that is tested, as `docker compose` finds it too. */
export const projectName = process.env.COMPOSE_PROJECT_NAME ?? 'sagamart';
export const ownServices = [...ourParts, 'connector-watch'];

/** A client of the gateway at the port that this project publishes. */
export function enterByTheDoor(port = process.env.GATEWAY_PORT ?? '8080'): ShopClient {
  return new ShopClient({ gatewayUrl: `http://127.0.0.1:${port}`, operatorSecret: '' });
}

/** Runs `docker compose …` for the project; throws with compose's own words. */
export function compose(...args: string[]): Promise<string> {
  return docker(['compose', '--progress', 'quiet', ...args], { withinMs: UP_WITHIN_MS });
}

/** What compose says when it refuses. Throws when it does not. */
export async function refusalOf(...args: string[]): Promise<string> {
  const answer = await compose(...args).then(
    () => undefined,
    (error: unknown) => String(error),
  );
  if (answer === undefined) throw new Error(`docker compose ${args.join(' ')} was expected to refuse, and did not`);
  return answer;
}

/** The containers of the project by service, without one-offs. */
export async function inspectProject(): Promise<Map<string, Inspected>> {
  const names = (await listContainers(projectName)).filter(({ isOneOff }) => !isOneOff).map(({ name }) => name);
  if (names.length === 0) return new Map();
  const found = JSON.parse(await docker(['inspect', '--type', 'container', ...names])) as Inspected[];
  return new Map(
    found.map((container) => [container.Config.Labels['com.docker.compose.service'] ?? '', container] as const),
  );
}

/** The container of this service. Throws when there is none. */
export async function inspectService(service: string): Promise<Inspected> {
  const container = (await inspectProject()).get(service);
  if (!container) throw new Error(`project ${projectName} has no container of ${service}; bring it up first`);
  return container;
}
