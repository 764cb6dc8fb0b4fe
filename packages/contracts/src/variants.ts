import type { JsonSchema } from './growth.ts';

/** A form that data of a schema can take: an optional field given or not, a null, one of a few words. */
export type Variant = { readonly name: string; readonly isShownBy: (data: unknown) => boolean };

/** Every such form on its own, arrays aside; at least one, `plain`, which any data shows. Names are in kebab case. */
export function variantsOf(schema: JsonSchema): Variant[] {
  return [{ name: 'plain', isShownBy: () => true }, ...variantsIn(schema, [])];
}

function variantsIn(schema: JsonSchema, path: readonly string[]): Variant[] {
  const variant = (form: string, isForm: (value: unknown) => boolean): Variant => ({
    name: kebab([...path, form].join('-')),
    isShownBy: (data) => isForm(path.reduce(fieldOf, data)),
  });
  const required = (schema['required'] ?? []) as string[];
  const properties = Object.entries((schema['properties'] ?? {}) as Record<string, JsonSchema>);
  const words = (schema['enum'] ?? []) as unknown[];
  const choices = (schema['anyOf'] ?? []) as JsonSchema[];
  return [
    ...words.map((word) => variant(String(word), (value) => value === word)),
    ...choices.flatMap((choice) =>
      choice['type'] === 'null' ? [variant('null', (value) => value === null)] : variantsIn(choice, path),
    ),
    ...(choices.length > 0 ? [variant('not-null', (value) => value !== null)] : []),
    ...properties.flatMap(([name, field]) => [
      ...(required.includes(name)
        ? []
        : [
            variant(`${name}-given`, (value) => fieldOf(value, name) !== undefined),
            variant(`${name}-left-out`, (value) => fieldOf(value, name) === undefined),
          ]),
      ...variantsIn(field, [...path, name]),
    ]),
  ];
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function kebab(name: string): string {
  return name
    .replaceAll(/[^A-Za-z0-9]/g, '-')
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1-$2')
    .toLowerCase();
}
