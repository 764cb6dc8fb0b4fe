import type { ComposeProject, ComposeService } from '../e2e/compose/compose-file.ts';

/** The variable of every port that may be published: those of the gateway and of what one looks at in a browser. */
const publishedBy: Record<string, number> = {
  gateway: 8080,
  mail: 1080,
  jaeger: 16686,
  prometheus: 9090,
  grafana: 3000,
};

/** Images whose own user is not root, as their Dockerfiles say. Every other image needs `user:`. */
const nonRootImages = [
  'apache/kafka',
  'quay.io/debezium/connect',
  'maildev/maildev',
  'jaegertracing/jaeger',
  'prom/prometheus',
  'grafana/grafana',
  'sagamart/',
];
/** Images that bring their own health check. */
const imagesWithHealthcheck = ['sagamart/'];

const keptFromEdge = /-db$|^kafka$|^connect$/;

type Named = [name: string, service: ComposeService];
type Rule = (named: Named) => string | false;

const hardening: Rule[] = [
  ([, { memoryBytes }]) => memoryBytes === 0 && 'has no memory limit',
  ([, service]) => !service.read_only && 'can write to its root file system: read_only',
  ([, service]) => service.cap_drop.join() !== 'ALL' && 'keeps capabilities: cap_drop [ALL]',
  ([, service]) => service.cap_add.length > 0 && 'adds capabilities',
  ([, service]) => service.privileged === true && 'is privileged',
  ([, service]) => service.network_mode !== undefined && 'leaves the networks of the shop: network_mode',
  ([, service]) => !service.security_opt.includes('no-new-privileges:true') && 'can gain privileges: no-new-privileges',
  ([, { user, image }]) =>
    (user === undefined ? !nonRootImages.some((known) => image.startsWith(known)) : /^(root|0)(:|$)/.test(user)) &&
    'runs as root: give it a user, or list its image as one that has its own',
  ([, service]) => !service.init && 'leaves dead processes: init',
  ([, { logging }]) =>
    (logging?.options['max-size'] === undefined || logging.options['max-file'] === undefined) &&
    'can fill the disk with its log: max-size, max-file',
  ([, { volumes }]) =>
    volumes.some(({ type, read_only }) => type === 'bind' && !read_only) && 'can write to this folder: mount it :ro',
  ([, { volumes }]) => volumes.some(({ source }) => source.includes('docker.sock')) && 'can command Docker',
];

const pinning: Rule[] = [
  ([, { image }]) => !/:\w[\w.-]*$/.test(image) && `runs ${image}, which has no tag`,
  ([, { image }]) =>
    /:(latest|stable|main|edge)$|:\d+$/.test(image) && `runs ${image}, which moves: pin an exact version`,
  ([, { image }]) => image.includes('@') && `runs ${image}: a digest hides which version that is`,
  ([, service]) => service.pull_policy !== undefined && 'has a pull_policy: nothing is fetched when a container starts',
];

const running: Rule[] = [
  ([, { healthcheck, image, restart }]) =>
    !isOneShot(restart) &&
    (healthcheck?.disable === true ||
      (healthcheck?.test === undefined && !imagesWithHealthcheck.some((known) => image.startsWith(known)))) &&
    'runs for long and has no health check',
  ([, { restart }]) =>
    !isOneShot(restart) && restart !== 'unless-stopped' && 'does not say whether a crash restarts it',
];

/** A one-shot ends by itself; it may be tried again, but only so often. */
function isOneShot(restart: string | undefined): boolean {
  return restart !== undefined && /^(no|on-failure:\d+)$/.test(restart);
}

const walls: Rule[] = [
  ([name, { networks }]) =>
    keptFromEdge.test(name) && networks.join() !== 'data' && `is on ${networks.join()}: it belongs on data only`,
  ([, { networks, ports }]) => networks.includes('edge') && ports.length === 0 && 'is on edge and publishes nothing',
  ([name, { ports }]) =>
    ports.some(({ target }) => publishedBy[name] !== target) && 'publishes a port that nobody outside may reach',
  ([, { ports }]) => ports.some(({ host_ip }) => host_ip !== '127.0.0.1') && 'publishes beyond 127.0.0.1',
];

/** No container can do, take or reach more than it needs. */
export function containersAreHardened(project: ComposeProject): string[] {
  return judge(project, hardening);
}

/** What runs tomorrow is what runs today. */
export function imagesArePinned(project: ComposeProject): string[] {
  return judge(project, pinning);
}

/** Whatever runs for long tells how it is, and comes back. */
export function containersComeBack(project: ComposeProject): string[] {
  return judge(project, running);
}

/** Only `edge` leads outside, and nothing that holds data is on it. */
export function networksAreWalls(project: ComposeProject): string[] {
  const open = Object.entries(project.networks)
    .filter(([name, network]) => name !== 'edge' && network?.internal !== true)
    .map(([name]) => `network ${name} leads outside: internal`);
  return [...judge(project, walls), ...open];
}

/** The memory that the containers of a size may take at most, together. One-offs of a profile that is not named do not count. */
export function memoryLimitOf(project: ComposeProject, profiles: readonly string[] = []): number {
  return Object.values(project.services)
    .filter((service) => service.profiles.length === 0 || service.profiles.some((name) => profiles.includes(name)))
    .reduce((sum, { memoryBytes, replicas }) => sum + memoryBytes * replicas, 0);
}

function judge(project: ComposeProject, rules: readonly Rule[]): string[] {
  return Object.entries(project.services).flatMap((named) =>
    rules.flatMap((rule) => {
      const breach = rule(named);
      return breach === false ? [] : [`${named[0]} ${breach}`];
    }),
  );
}
