import type { HttpApp } from '@sagamart/service-kit/http-app';
import { Controls } from './bad-days.ts';
import type { Deps } from './deps.ts';
import { merchantCheck } from './merchant.ts';

/** /v1/controls: makes the provider misbehave, and behave again. Always answered, also while it is `down`. */
export function controlRoutes(app: HttpApp, { badDays, apiKey }: Deps): void {
  const onRequest = merchantCheck(apiKey);
  app.get('/v1/controls', { onRequest }, () => badDays.read());
  app.put('/v1/controls', { onRequest, schema: { body: Controls } }, (request) => {
    badDays.set(request.body);
    return badDays.read();
  });
  app.delete('/v1/controls', { onRequest }, () => {
    badDays.set({});
    return badDays.read();
  });
}
