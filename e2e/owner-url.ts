import type { ServiceName } from '@sagamart/contracts/topics';
import { readSettings, valueOf } from '@sagamart/stack/settings';
import type { Shop } from '@sagamart/stack/shop';

/** The way into a service's database as its owner, who may change anything in it. For tests that tamper. */
export function ownerUrl(shop: Shop, service: ServiceName): string {
  const url = new URL(shop.auditorUrls[service]);
  url.username = `${service}_owner`;
  url.password = valueOf(readSettings(), `${service.toUpperCase()}_OWNER_PASSWORD`);
  return url.href;
}
