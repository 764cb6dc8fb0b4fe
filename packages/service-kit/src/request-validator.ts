import { TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox';
import type { FastifySchemaCompiler, RouteOptions } from 'fastify';
import { Type, type TSchema } from 'typebox';

/**
 * Compiles the check of one part of a request. Bodies are taken as they are. A parameter of path or query is text: it stands for an integer only
 * when that is how JSON would write it, for a boolean only as `true` or `false`, and one that is given twice stands for nothing.
 */
export const compileValidator: FastifySchemaCompiler<TSchema> = ({ schema, httpPart, ...route }) => {
  // As a body: the compiler's own conversion of parameters takes `true` for 1 and `1e1` for 10.
  const check = TypeBoxValidatorCompiler({ schema, httpPart: 'body', ...route });
  return httpPart === 'body' ? check : (texts: unknown) => check(readTexts(schema, texts));
};

/** Makes a route that has a schema and names no parameters of a query refuse all of them: a misspelt one must not be taken for none. */
export function refuseUnknownQuery({ schema }: Pick<RouteOptions, 'schema'>): void {
  if (schema !== undefined && schema.hide !== true) schema.querystring ??= noQuery;
}

const noQuery = Type.Object({}, { additionalProperties: false });

function readTexts(schema: TSchema, texts: unknown): unknown {
  if (typeof texts !== 'object' || texts === null || !Type.IsObject(schema)) return texts;
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [name, readText(schema.properties[name], text)]),
  );
}

function readText(schema: TSchema | undefined, text: unknown): unknown {
  if (schema === undefined || typeof text !== 'string') return text;
  if (Type.IsInteger(schema)) return integer.test(text) ? Number(text) : text;
  if (Type.IsBoolean(schema)) return text === 'true' || (text === 'false' ? false : text);
  return text;
}

/** No sign but minus, no leading zero, no exponent, and never more than a double holds exactly. */
const integer = /^(0|-?[1-9]\d{0,14})$/;
