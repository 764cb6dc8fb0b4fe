import { createHash, timingSafeEqual } from 'node:crypto';
import { Problem } from '@sagamart/service-kit/problem';

/** A hook that lets only the merchant with this key pass. */
export function merchantCheck(
  apiKey: string,
): (request: { headers: { authorization?: string | undefined } }) => Promise<void> {
  const expected = digest(`Bearer ${apiKey}`);
  return async (request) => {
    // Digests have one length and are compared in constant time: the time taken tells nothing about the key.
    if (timingSafeEqual(digest(request.headers.authorization ?? ''), expected)) return;
    throw new Problem({
      status: 401,
      code: 'unauthorized',
      detail: 'Expected the merchant key: Authorization: Bearer <PSP_API_KEY>.',
      headers: { 'www-authenticate': 'Bearer' },
    });
  };
}

export function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
