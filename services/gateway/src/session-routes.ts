import type { HttpApp } from '@sagamart/service-kit/http-app';
import { compileValidator } from '@sagamart/service-kit/request-validator';
import type { Deps } from './deps.ts';
import { answers, NewSession, OpenedSession } from './door.ts';
import type { Limit, Limits } from './rate-limit.ts';
import { sessionCaller, signSession } from './session-token.ts';

export function addSessionRoutes(app: HttpApp, deps: Deps, limits: Limits): void {
  // One of the two kinds is meant: the faults of the other would only confuse.
  const validatorCompiler = (part: Parameters<typeof compileValidator>[0]) => {
    if (part.httpPart !== 'body') return compileValidator(part);
    const ofCustomer = compileValidator({ ...part, schema: NewSession.anyOf[0] });
    const ofOperator = compileValidator({ ...part, schema: NewSession.anyOf[1] });
    return (body: unknown) => (isForOperator(body) ? ofOperator(body) : ofCustomer(body));
  };
  const schema = {
    tags: ['sessions'],
    summary: 'Open or renew a session',
    description:
      'A guest can shop at once with {}. Sent with a valid token, the same customer gets a new one. The email is where messages go, never who you are.',
    body: NewSession,
    response: answers({ 201: { description: 'The session', schema: OpenedSession } }),
  };
  app.post(
    '/v1/sessions',
    {
      onRequest: [limits.address, limits.sessions],
      preHandler: operatorsOnly(limits.operators),
      validatorCompiler,
      schema,
    },
    async (request, reply) => {
      const { authorization } = request.headers;
      const present = authorization === undefined ? null : await deps.verifier.verify(authorization);
      const caller = sessionCaller(request.body, present, deps.config.OPERATOR_SECRET);
      return reply
        .code(201)
        .header('cache-control', 'no-store')
        .send(await signSession(caller, deps));
    },
  );
}

/** Guesses of the secret count by name too, so that many addresses get no more of them than one. */
function operatorsOnly(limit: Limit): Limit {
  return async (request, reply) => {
    if (isForOperator(request.body)) await limit(request, reply);
  };
}

function isForOperator(body: unknown): boolean {
  return typeof body === 'object' && body !== null && 'role' in body;
}
