import { TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox';
import type { HttpApp } from '@sagamart/service-kit/http-app';
import type { TSchema } from 'typebox';
import type { Deps } from './deps.ts';
import { answers, NewSession, OpenedSession } from './door.ts';
import type { Limits } from './rate-limit.ts';
import { sessionCaller, signSession } from './session-token.ts';

export function addSessionRoutes(app: HttpApp, deps: Deps, limits: Limits): void {
  const [ofCustomer, ofOperator] = [validatorOf(NewSession.anyOf[0]), validatorOf(NewSession.anyOf[1])];
  // One of the two kinds is meant: the faults of the other would only confuse.
  const validatorCompiler = () => (body: unknown) => (isForOperator(body) ? ofOperator(body) : ofCustomer(body));
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
    { onRequest: [limits.address, limits.sessions], validatorCompiler, schema },
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

function isForOperator(body: unknown): boolean {
  return typeof body === 'object' && body !== null && 'role' in body;
}

function validatorOf(schema: TSchema) {
  return TypeBoxValidatorCompiler({ schema, httpPart: 'body', method: 'POST', url: '/v1/sessions' });
}
