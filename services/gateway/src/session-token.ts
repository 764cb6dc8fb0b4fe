import { newId, type CustomerId } from '@sagamart/contracts/ids';
import { Problem } from '@sagamart/service-kit/problem';
import type { Caller } from '@sagamart/service-kit/token';
import { SignJWT } from 'jose';
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Deps } from './deps.ts';

export type SessionRequest = { email?: string } | { role: 'operator'; name: string; secret: string };

export type Session = { token: string; customerId?: CustomerId; operator?: string; expiresAt: string };

/** Who the session is for: the same customer when a customer asks again, a new one otherwise, an operator only with the secret. */
export function sessionCaller(wanted: SessionRequest, present: Caller | null, operatorSecret: string): Caller {
  if ('role' in wanted) {
    if (!isSameText(wanted.secret, operatorSecret)) {
      throw new Problem({
        status: 401,
        code: 'operator_refused',
        detail: 'That is not the operator secret.',
        headers: { 'www-authenticate': 'Bearer realm="sagamart"' },
      });
    }
    return { kind: 'operator', name: wanted.name };
  }
  if (present?.kind === 'operator') {
    throw new Problem({
      status: 403,
      code: 'operator_secret_required',
      detail: 'An operator session is renewed with role, name and secret.',
    });
  }
  const customerId = present?.customerId ?? newId<CustomerId>();
  return { kind: 'customer', customerId, email: wanted.email ?? present?.email ?? null };
}

/** Signs a session token for a caller. */
export async function signSession(caller: Caller, { config, keys, now }: Deps): Promise<Session> {
  const lifeMs = caller.kind === 'customer' ? config.CUSTOMER_SESSION_LIFE : config.OPERATOR_SESSION_LIFE;
  const issuedAt = Math.floor(now().getTime() / 1000);
  const expiresAt = issuedAt + Math.ceil(lifeMs / 1000);
  const { kid, key } = await keys.signing();
  const claims =
    caller.kind === 'operator'
      ? { role: 'operator' }
      : caller.email === null
        ? { role: 'customer' }
        : { role: 'customer', email: caller.email };
  const token = await new SignJWT(claims)
    .setProtectedHeader({ alg: 'EdDSA', kid, typ: 'JWT' })
    .setIssuer(config.JWT_ISSUER)
    .setAudience(config.JWT_AUDIENCE)
    .setSubject(caller.kind === 'customer' ? caller.customerId : `operator:${caller.name}`)
    .setIssuedAt(issuedAt)
    .setExpirationTime(expiresAt)
    .sign(key);
  const until = new Date(expiresAt * 1000).toISOString();
  return caller.kind === 'customer'
    ? { token, customerId: caller.customerId, expiresAt: until }
    : { token, operator: caller.name, expiresAt: until };
}

/** Compares digests of equal length, so that neither length nor content shows in the time it takes. */
function isSameText(one: string, other: string): boolean {
  return timingSafeEqual(digest(one), digest(other));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
