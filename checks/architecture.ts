import { Visitor } from 'oxc-parser';
import { topicOwners } from '../packages/contracts/src/topics.ts';
import { resolveRelative, type Import, type Module } from './source-tree.ts';

/** A rule takes all modules and words each breach as `<path> <what is wrong>`. */
export type Rule = (modules: readonly Module[]) => string[];

export const noServiceImportsAnother: Rule = (modules) =>
  modules.filter(isIn('services/')).flatMap((module) =>
    workspacesImportedBy(module)
      .filter((workspace) => workspace.startsWith('services/') && workspace !== workspaceOf(module.path))
      .map((workspace) => `${module.path} imports ${workspace}`),
  );

export const packagesImportNoService: Rule = (modules) =>
  modules
    .filter((module) => isIn('packages/')(module) && !isIn('packages/simulation/')(module))
    .flatMap((module) =>
      workspacesImportedBy(module)
        .filter((workspace) => workspace.startsWith('services/'))
        .map((workspace) => `${module.path} imports ${workspace}`),
    );

/** It runs what decides in production, and nothing else of a service: no SQL, no HTTP. */
export const simulationImportsDecisionsOnly: Rule = (modules) =>
  modules.filter(isIn('packages/simulation/')).flatMap((module) =>
    module.imports
      .map(({ specifier }) => /^@sagamart\/([^/]+)\/(.+)$/.exec(specifier))
      .filter((found) => found !== null && serviceNames.has(found[1] ?? ''))
      .filter((found) => !pureNouns.test(`services/${found?.[1]}/src/${found?.[2]}.ts`))
      .map((found) => `${module.path} imports ${found?.[0]}, which decides nothing`),
  );

export const contractsImportNothingOfOurs: Rule = (modules) =>
  modules.filter(isIn('packages/contracts/')).flatMap((module) =>
    workspacesImportedBy(module)
      .filter((workspace) => workspace !== 'packages/contracts')
      .map((workspace) => `${module.path} imports ${workspace}`),
  );

const librariesOfServices = ['packages/contracts', 'packages/service-kit', 'packages/telemetry'];

export const servicesImportOnlyTheirLibraries: Rule = (modules) =>
  modules.filter(isIn('services/')).flatMap((module) =>
    workspacesImportedBy(module)
      .filter((workspace) => workspace.startsWith('packages/') && !librariesOfServices.includes(workspace))
      .filter((workspace) => !(workspace === 'packages/test-kit' && isTest(module)))
      .map((workspace) => `${module.path} imports ${workspace}`),
  );

export const workspacesAreImportedByName: Rule = (modules) =>
  modules
    .filter((module) => !isOfRoot(module))
    .flatMap((module) =>
      module.imports
        .filter(({ specifier }) => crossesWorkspaces(module, specifier))
        .map(
          ({ specifier }) =>
            `${module.path} reaches into another workspace by ${specifier}; import @sagamart/… instead`,
        ),
    );

const pureNouns =
  /^services\/[^/]+\/src\/(order|reservation|stock|product|product-copy|payment|notification|capture|compensation|entry|[a-z-]+-view)\.ts$/;

/** What of the libraries decides, or names what is decided, without touching anything. */
const pureLibraries = new Set([
  '@sagamart/service-kit/aggregate',
  '@sagamart/service-kit/transition',
  '@sagamart/telemetry/trace-context',
]);

export const decisionsImportOnlyContracts: Rule = (modules) =>
  modules
    .filter(isDecision)
    .flatMap((module) =>
      module.imports
        .filter((found) => !isPureImport(module, found))
        .map(
          ({ specifier }) =>
            `${module.path} decides, yet imports ${specifier}; a decision imports contracts and types only`,
        ),
    );

export const decisionsArePure: Rule = (modules) =>
  modules
    .filter(isDecision)
    .flatMap((module) => impuritiesOf(module).map((what) => `${module.path} decides, yet uses ${what}`));

export const nothingImportsBackwards: Rule = (modules) =>
  modules
    .filter((module) => isIn('services/')(module) && !isTest(module))
    .flatMap((module) =>
      module.imports.flatMap(({ specifier }) => {
        const target = resolveRelative(module, specifier);
        const from = layerOf(module.path);
        const to = target === null ? null : layerOf(target);
        if (from === null || to === null || to.rank <= from.rank) return [];
        return [
          `${module.path} (${from.name}) imports ${specifier} (${to.name}); data flows main → app → routes, messages → store → decision`,
        ];
      }),
    );

const askers = ['order', 'inventory', 'notification'];

export const servicesDoNotCallEachOther: Rule = (modules) =>
  modules
    .filter((module) => askers.some((name) => isIn(`services/${name}/`)(module)) && !isTest(module))
    .flatMap((module) => [
      ...module.imports
        .filter(({ specifier }) => /^(undici|node:https?|https?)$/.test(specifier))
        .map(({ specifier }) => `${module.path} imports ${specifier}; services speak by events only`),
      ...callsOf(module, (name) => name === 'fetch').map(
        () => `${module.path} calls fetch; services speak by events only`,
      ),
    ]);

export const debeziumPublishes: Rule = (modules) =>
  modules
    .filter((module) => (isIn('services/')(module) || isIn('packages/service-kit/')(module)) && !isTest(module))
    .flatMap((module) =>
      callsOf(module, (name) => name.endsWith('.producer')).map(
        () => `${module.path} makes a Kafka producer; write an outbox row`,
      ),
    );

const filesOfEveryService = ['package.json', 'README.md', 'src/main.ts', 'src/config.ts', 'src/app.ts'];

const sagaServices = new Set(Object.values(topicOwners).map((name) => `services/${name}`));

/** Takes the paths of all files; services of the saga have migrations, messages, a decision and its store. */
export function everyServiceHasTheSameShape(files: readonly string[]): string[] {
  const services = new Set(files.filter((path) => path.startsWith('services/')).map((path) => workspaceOf(path)));
  return [...services].flatMap((service) => {
    const has = (pattern: RegExp) =>
      files.some((path) => path.startsWith(`${service}/`) && pattern.test(path.slice(service.length + 1)));
    const missing = filesOfEveryService.filter((file) => !files.includes(`${service}/${file}`));
    if (sagaServices.has(service)) {
      if (!has(/^migrations\/\d{4}-[a-z0-9-]+\.sql$/)) missing.push('migrations/0001-….sql');
      if (!has(/^src\/deps\.ts$/)) missing.push('src/deps.ts');
      if (!has(/^src\/([a-z-]+-)?routes\.ts$/)) missing.push('src/routes.ts');
      if (!has(/^src\/([a-z-]+-)?messages\.ts$/)) missing.push('src/messages.ts');
      if (!has(/^src\/[a-z-]+-store\.ts$/)) missing.push('src/<noun>-store.ts');
      if (!files.some((path) => path.startsWith(`${service}/`) && pureNouns.test(path))) missing.push('src/<noun>.ts');
    }
    return missing.map((file) => `${service} has no ${file}`);
  });
}

function isTest(module: Module): boolean {
  return /\.(test|e2e)\.ts$/.test(module.path) || /-(fixture|builder)s?\.ts$/.test(module.path);
}

export function isDecision(module: Module): boolean {
  return pureNouns.test(module.path);
}

/** The root has no name to be imported by, and what it holds is about all workspaces. */
function isOfRoot({ path }: Module): boolean {
  return path.startsWith('checks/') || path.startsWith('scripts/');
}

function isIn(folder: string): (module: Module) => boolean {
  return (module) => module.path.startsWith(folder);
}

function workspaceOf(path: string): string {
  const [top = '', name = ''] = path.split('/');
  return top === 'packages' || top === 'services' ? `${top}/${name}` : top;
}

const serviceNames = new Set([
  'gateway',
  'order',
  'inventory',
  'payment',
  'notification',
  'psp-simulator',
  'storefront',
]);

function workspacesImportedBy(module: Module): string[] {
  return module.imports.flatMap(({ specifier }) => {
    const relative = resolveRelative(module, specifier);
    if (relative !== null) return workspaceOf(relative) === workspaceOf(module.path) ? [] : [workspaceOf(relative)];
    const name = /^@sagamart\/([^/]+)/.exec(specifier)?.[1];
    if (name === undefined) return [];
    return [serviceNames.has(name) ? `services/${name}` : `packages/${name}`];
  });
}

function crossesWorkspaces(module: Module, specifier: string): boolean {
  const target = resolveRelative(module, specifier);
  return target !== null && workspaceOf(target) !== workspaceOf(module.path);
}

function isPureImport(module: Module, { specifier, typeOnly }: Import): boolean {
  if (specifier.startsWith('@sagamart/contracts/') || pureLibraries.has(specifier) || specifier === 'typebox')
    return true;
  const target = resolveRelative(module, specifier);
  return target === null ? typeOnly : pureNouns.test(target);
}

type Layer = { name: string; rank: number };

function layerOf(path: string): Layer | null {
  const file = /^services\/[^/]+\/src\/([^/]+)\.ts$/.exec(path)?.[1];
  if (file === undefined) return null;
  if (file === 'main') return { name: 'main', rank: 5 };
  if (file === 'app') return { name: 'app', rank: 4 };
  if (/(^|-)(routes|messages)$/.test(file)) return { name: 'door', rank: 3 };
  if (file.endsWith('-store')) return { name: 'store', rank: 2 };
  if (pureNouns.test(path)) return { name: 'decision', rank: 1 };
  return null;
}

const impureNames = new Set([
  'process',
  'performance',
  'crypto',
  'fetch',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'console',
  'globalThis',
]);
const impureMembers = new Set(['Date.now', 'Math.random']);
const sqlStatement = /^\s*(select\s.+\sfrom|insert\s+into|update\s+\w+\s+set|delete\s+from)\b/is;

function impuritiesOf(module: Module): string[] {
  const found: string[] = [];
  const noteText = (text: string) => {
    if (sqlStatement.test(text)) found.push('SQL');
  };
  new Visitor({
    AwaitExpression: () => found.push('await'),
    FunctionDeclaration: (node) => void (node.async && found.push('async')),
    ArrowFunctionExpression: (node) => void (node.async && found.push('async')),
    Identifier: (node) => void (impureNames.has(node.name) && found.push(node.name)),
    MemberExpression: (node) => {
      const name = module.text.slice(node.start, node.end);
      if (impureMembers.has(name)) found.push(name);
    },
    NewExpression: (node) => {
      if (node.arguments.length === 0 && module.text.slice(node.callee.start, node.callee.end) === 'Date')
        found.push('new Date()');
    },
    Literal: (node) => void (typeof node.value === 'string' && noteText(node.value)),
    TemplateElement: (node) => noteText(node.value.raw),
  }).visit(module.program);
  return found;
}

function callsOf(module: Module, matches: (callee: string) => boolean): string[] {
  const calls: string[] = [];
  new Visitor({
    CallExpression: (node) => {
      const callee = module.text.slice(node.callee.start, node.callee.end);
      if (matches(callee)) calls.push(callee);
    },
  }).visit(module.program);
  return calls;
}
