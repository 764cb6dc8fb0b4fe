import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { traceIdOf } from '@sagamart/telemetry/trace-context';
import { LostRace, triageDatabaseError } from './database-trouble.ts';
import { Problem, problemMediaType, type FieldError } from './problem.ts';

/** Answers any error as a problem; what nobody foresaw is logged with its cause and answered as 500 without internals. */
export function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = problemOf(error);
  if (problem.code === 'internal')
    request.log.error({ err: error, method: request.method, route: request.routeOptions.url }, 'request failed');
  else if (problem.status >= 500)
    request.log.warn({ code: problem.code, err: problem.cause ?? problem }, 'request refused for now');
  return answerProblem(problem, request, reply);
}

/** Answers a refusal as application/problem+json, with its own headers and the trace of the request. */
export function answerProblem(problem: Problem, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return reply
    .code(problem.status)
    .headers(problem.headers)
    .header('traceresponse', request.id)
    .type(problemMediaType)
    .serializer((body: string) => body)
    .send(JSON.stringify(problem.body(traceIdOf(request.id))));
}

/** The problem that an error is told as. Errors of Fastify, PostgreSQL and the network are recognised by code. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (!(error instanceof Error)) return internal(error);
  if (passes(error)) {
    return new Problem({
      status: 503,
      code: 'unavailable',
      detail: 'This service cannot get at its data just now. Try again shortly.',
      headers: { 'retry-after': retryAfterSeconds },
      cause: error,
    });
  }
  if (isFastifyError(error)) return problemOfFastify(error);
  return internal(error);
}

/** Whether the same request may succeed shortly, or once the place is repaired. A violated constraint that was not foreseen is a bug, not a lost race. */
function passes(error: Error): boolean {
  const trouble = triageDatabaseError(error);
  return error instanceof LostRace || (trouble !== 'unexplained' && trouble !== 'conflict');
}

const retryAfterSeconds = '1';

function internal(cause: unknown): Problem {
  return new Problem({
    status: 500,
    code: 'internal',
    detail: 'Something here is broken and has been logged. Report the traceId.',
    cause,
  });
}

function isFastifyError(error: Error): error is FastifyError {
  return 'statusCode' in error && typeof error.statusCode === 'number';
}

function problemOfFastify(error: FastifyError): Problem {
  const status = error.statusCode ?? 500;
  switch (error.code) {
    case 'FST_ERR_VALIDATION':
      return new Problem({
        status: 400,
        code: 'invalid_request',
        detail: 'The request does not have the expected shape. See errors for each field.',
        errors: fieldErrors(error),
      });
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new Problem({ status: 415, code: 'unsupported_media_type', detail: 'Send the body as application/json.' });
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new Problem({
        status: 413,
        code: 'body_too_large',
        detail: 'The body is larger than this service reads.',
      });
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
      return new Problem({ status: 400, code: 'invalid_json', detail: 'The body is not valid JSON.' });
    default:
      if (status >= 400 && status < 500) return new Problem({ status, code: 'bad_request', detail: error.message });
      return internal(error);
  }
}

function fieldErrors(error: FastifyError): FieldError[] {
  const prefix =
    error.validationContext === 'body' || error.validationContext === undefined ? '' : `/${error.validationContext}`;
  const errors = (error.validation ?? []).flatMap(({ instancePath, keyword, params, message }) => {
    const path = `${prefix}${instancePath}`;
    const detail = message ?? 'is not valid';
    if (keyword === 'required' && isTextList(params['requiredProperties'])) {
      return params['requiredProperties'].map((name) => ({
        pointer: `${path}/${escaped(name)}`,
        detail: 'is required',
      }));
    }
    if (keyword === 'additionalProperties' && isTextList(params['additionalProperties'])) {
      return params['additionalProperties'].map((name) => ({
        pointer: `${path}/${escaped(name)}`,
        detail: 'is not a known field',
      }));
    }
    // "must not be valid" of a field that has no place is said better by additionalProperties.
    return keyword === 'boolean' ? [] : [{ pointer: path, detail }];
  });
  return errors.slice(0, fieldErrorsMax);
}

const fieldErrorsMax = 20;

function isTextList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function escaped(name: string): string {
  return name.slice(0, pointerNameLengthMax).replaceAll('~', '~0').replaceAll('/', '~1');
}

const pointerNameLengthMax = 100;
