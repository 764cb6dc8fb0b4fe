import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { parseSync, type Program } from 'oxc-parser';

export type Import = { specifier: string; typeOnly: boolean };

/** One source file of the repository, parsed. `path` is relative to the root, with slashes. */
export type Module = {
  path: string;
  text: string;
  imports: readonly Import[];
  program: Program;
  comments: readonly string[];
};

export const repositoryRoot = dirname(import.meta.dirname);

/** Parses every TypeScript and JavaScript module of the repository, outside folders that are installed or generated. */
export function readModules(): Module[] {
  return listFiles(['packages', 'services', 'e2e', 'scripts', 'checks'])
    .filter((path) => /\.(ts|mts|mjs|js)$/.test(path))
    .map((path) => parseModule(path, readFileSync(join(repositoryRoot, path), 'utf8')));
}

/** Throws with the file's name when the text does not parse. */
export function parseModule(path: string, text: string): Module {
  const parsed = parseSync(path, text);
  const [error] = parsed.errors;
  if (error) throw new Error(`${path} does not parse: ${error.message}`);
  const imports: Import[] = parsed.module.staticImports.map((found) => ({
    specifier: found.moduleRequest.value,
    typeOnly: found.entries.length > 0 && found.entries.every((entry) => entry.isType),
  }));
  for (const { entries } of parsed.module.staticExports) {
    for (const entry of entries) {
      if (entry.moduleRequest) imports.push({ specifier: entry.moduleRequest.value, typeOnly: entry.isType });
    }
  }
  for (const { moduleRequest } of parsed.module.dynamicImports) {
    const literal = /^['"](.*)['"]$/.exec(text.slice(moduleRequest.start, moduleRequest.end));
    if (literal?.[1] !== undefined) imports.push({ specifier: literal[1], typeOnly: false });
  }
  return { path, text, imports, program: parsed.program, comments: parsed.comments.map((comment) => comment.value) };
}

/** Every file below these folders, sorted, without what is installed or generated. */
export function listFiles(folders: readonly string[]): string[] {
  return folders.flatMap((folder) => walk(folder)).sort();
}

/** The path a relative import points to, from the root of the repository; null for a package. */
export function resolveRelative(module: Module, specifier: string): string | null {
  return specifier.startsWith('.') ? posix.join(posix.dirname(module.path), specifier) : null;
}

const generated = new Set(['node_modules', '.turbo', '.sagamart', 'dist']);

function walk(folder: string): string[] {
  return readdirSync(join(repositoryRoot, folder), { withFileTypes: true }).flatMap((entry) => {
    if (generated.has(entry.name)) return [];
    const path = `${folder}/${entry.name}`;
    return entry.isDirectory() ? walk(path) : [path];
  });
}
