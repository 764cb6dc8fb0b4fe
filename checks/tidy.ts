import { Visitor } from 'oxc-parser';
import type { Module } from './source-tree.ts';

const linesMax = 320;
const bannedNames = new Set([
  'utils',
  'util',
  'helpers',
  'helper',
  'common',
  'misc',
  'types',
  'service',
  'manager',
  'shared',
  'index',
  'constants',
]);

export function filesAreNouns(paths: readonly string[]): string[] {
  return paths
    .filter((path) => /\.(ts|mts|mjs|js|sql|json|sh)$/.test(path))
    .flatMap((path) => {
      const file = path.split('/').at(-1) ?? '';
      const stem = file.split('.')[0] ?? '';
      if (bannedNames.has(stem)) return [`${path} is named after nothing; name the noun it is about`];
      if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(stem)) return [`${path} is not kebab-case`];
      return [];
    });
}

export function testsNameTheirCost(paths: readonly string[]): string[] {
  return paths
    .filter((path) => /\.(test|spec|e2e)\./.test(path))
    .filter((path) =>
      path.startsWith('e2e/') ? !/\.(e2e|test)\.ts$/.test(path) : !/\/[a-z0-9-]+(\.db|\.kafka)?\.test\.ts$/.test(path),
    )
    .map((path) => `${path} must end in .test.ts, .db.test.ts, .kafka.test.ts, or .e2e.ts in e2e/`);
}

export function filesAreShort(modules: readonly Module[]): string[] {
  return modules.flatMap(({ path, text }) => {
    const lines = text.split('\n').length - 1;
    return lines > linesMax ? [`${path} has ${lines} lines, at most ${linesMax}`] : [];
  });
}

export function testTitlesAreRules(modules: readonly Module[]): string[] {
  return modules.flatMap((module) => {
    const breaches: string[] = [];
    new Visitor({
      CallExpression: (node) => {
        const [title] = node.arguments;
        if (
          node.callee.type !== 'Identifier' ||
          !['test', 'it'].includes(node.callee.name) ||
          title?.type !== 'Literal'
        )
          return;
        if (typeof title.value === 'string' && /\bshould\b/i.test(title.value))
          breaches.push(`${module.path} "${title.value}" says should`);
      },
    }).visit(module.program);
    return breaches;
  });
}

/** The packages that services build on: each function they offer says what is true afterwards. */
const documentedPackages = /^packages\/(contracts|service-kit|telemetry|test-kit)\/src\/(?!.*\.test\.ts$)/;

export function packageFunctionsAreDocumented(modules: readonly Module[]): string[] {
  return modules
    .filter(({ path }) => documentedPackages.test(path))
    .flatMap(({ path, text }) =>
      [...text.matchAll(/^export (?:async )?(?:function|class) (\w+)/gm)]
        .filter((match) => !text.slice(0, match.index).trimEnd().endsWith('*/'))
        .map((match) => `${path} exports ${match[1]} without a sentence on what is true afterwards`),
    );
}

const banner = /^[\s*]*[-=#*~─═]{4,}/;
const picture = /\p{Extended_Pictographic}/u;

export function commentsSayWhy(modules: readonly Module[]): string[] {
  return modules.flatMap(({ path, comments }) =>
    comments.flatMap((comment) => {
      if (comment.split('\n').some((line) => banner.test(line.replace(/^\s*\*\s?/, ''))))
        return [`${path} has a banner: ${comment.trim().slice(0, 40)}`];
      return picture.test(comment) ? [`${path} decorates a comment: ${comment.trim().slice(0, 40)}`] : [];
    }),
  );
}
