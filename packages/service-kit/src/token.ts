import { CustomerId } from '@sagamart/contracts/ids';
import type { FastifyRequest } from 'fastify';
import { errors, jwtVerify, type JWTVerifyGetKey } from 'jose';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { createKeyCache } from './key-cache.ts';
import { Problem } from './problem.ts';

/** Who makes a request, from a verified token. */
export type Caller =
  | { kind: 'customer'; customerId: CustomerId; email: string | null }
  | { kind: 'operator'; name: string };

/** Turns an Authorization header into a Caller. Throws Problem 401 with WWW-Authenticate, or 503 when no signing key can be had. */
export type TokenVerifier = { verify(authorizationHeader: string | undefined): Promise<Caller> };

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by requireCaller and requireOperator; read it with callerOf. */
    caller?: Caller;
  }
}

/** A verifier for services: the public keys come from the gateway's JWKS and are kept on disk, so the gateway may be down at start. */
export function createTokenVerifier(config: {
  JWKS_URL: string;
  JWKS_CACHE_FILE: string;
  JWT_ISSUER: string;
  JWT_AUDIENCE: string;
}): TokenVerifier {
  const keys = createKeyCache({ url: config.JWKS_URL, file: config.JWKS_CACHE_FILE });
  return verifierWithKeys({ keyOf: keys.keyOf, issuer: config.JWT_ISSUER, audience: config.JWT_AUDIENCE });
}

/** The same verification with keys from elsewhere. Only EdDSA is accepted; issuer, audience and expiry are checked with 5 s of clock skew. */
export function verifierWithKeys(options: { keyOf: JWTVerifyGetKey; issuer: string; audience: string }): TokenVerifier {
  return {
    async verify(authorizationHeader) {
      const token = /^Bearer +([A-Za-z0-9_.-]+)$/i.exec(authorizationHeader ?? '')?.[1];
      if (token === undefined) throw unauthorized('Send a session token: Authorization: Bearer <token>.', null);
      if (token.length > tokenLengthMax) throw unauthorized('The session token is too long.', 'invalid_token');
      try {
        const { payload } = await jwtVerify(token, options.keyOf, {
          algorithms: ['EdDSA'],
          issuer: options.issuer,
          audience: options.audience,
          clockTolerance: clockSkewSeconds,
          requiredClaims: ['sub', 'exp', 'iat'],
        });
        return callerFrom(payload);
      } catch (error) {
        if (error instanceof errors.JWTExpired)
          throw unauthorized('The session has expired; open a new one.', 'invalid_token', error);
        if (error instanceof errors.JOSEError)
          throw unauthorized('The session token is not valid here; open a new session.', 'invalid_token', error);
        throw error;
      }
    },
  };
}

/** A preHandler (or onRequest) hook that refuses requests without a valid token, and sets request.caller. */
export function requireCaller(verifier: TokenVerifier): (request: FastifyRequest) => Promise<void> {
  return async (request) => {
    request.caller = await verifier.verify(request.headers.authorization);
  };
}

/** Like requireCaller, and refuses customers with 403 `operator_only`. */
export function requireOperator(verifier: TokenVerifier): (request: FastifyRequest) => Promise<void> {
  return async (request) => {
    const caller = await verifier.verify(request.headers.authorization);
    if (caller.kind !== 'operator')
      throw new Problem({ status: 403, code: 'operator_only', detail: 'Only an operator may do this.' });
    request.caller = caller;
  };
}

/** The caller of a request behind requireCaller. Throws when the route forgot that hook: a broken rule, not a refusal. */
export function callerOf(request: FastifyRequest): Caller {
  if (request.caller === undefined)
    throw new Error(`${request.routeOptions.url} reads the caller but does not require one`);
  return request.caller;
}

/** The name of the operator behind requireOperator. */
export function operatorOf(request: FastifyRequest): string {
  const caller = callerOf(request);
  if (caller.kind !== 'operator')
    throw new Error(`${request.routeOptions.url} reads the operator but does not require one`);
  return caller.name;
}

/** Whether the caller may see what belongs to this customer: its owner may, and an operator. Null belongs to nobody known yet. */
export function maySee(caller: Caller, owner: CustomerId | null): boolean {
  return caller.kind === 'operator' || caller.customerId === owner;
}

const clockSkewSeconds = 5;
const tokenLengthMax = 4_096;
const operatorPrefix = 'operator:';

const CustomerClaims = Type.Object({
  role: Type.Literal('customer'),
  sub: CustomerId,
  email: Type.Optional(Type.String()),
});
const OperatorClaims = Type.Object({
  role: Type.Literal('operator'),
  sub: Type.String({ pattern: `^${operatorPrefix}.+$` }),
});

function callerFrom(claims: unknown): Caller {
  if (Value.Check(CustomerClaims, claims))
    return { kind: 'customer', customerId: claims.sub, email: claims.email ?? null };
  if (Value.Check(OperatorClaims, claims)) return { kind: 'operator', name: claims.sub.slice(operatorPrefix.length) };
  throw unauthorized('The session token has no known role; open a new session.', 'invalid_token');
}

function unauthorized(detail: string, error: 'invalid_token' | null, cause?: unknown): Problem {
  const challenge = error === null ? 'Bearer realm="sagamart"' : `Bearer realm="sagamart", error="${error}"`;
  return new Problem({ status: 401, code: 'unauthorized', detail, headers: { 'www-authenticate': challenge }, cause });
}
