import { readFileSync, writeFileSync } from 'node:fs';
import { StackProblem } from './stack-problem.ts';

/** Replaces every ${NAME} in capitals; anything else in ${…} belongs to the program that reads the file. */
export function fill(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\$\{([A-Z][A-Z_]*)\}/g, (_whole, name: string) => {
    const value = values[name];
    if (value === undefined)
      throw new StackProblem(
        'template',
        `A file of infra/ asks for \${${name}}, which the stack does not know. Known: ${Object.keys(values).join(', ')}.`,
      );
    return value;
  });
}

export function fillFile(from: string, to: string, values: Readonly<Record<string, string>>): void {
  writeFileSync(to, fill(readFileSync(from, 'utf8'), values));
}
