import { connectUrl, databaseServices, databaseUrl, kafkaBroker, mailUrl, serviceUrl } from './addresses.ts';
import { type Settings, valueOf } from './settings.ts';
import type { Shop } from './shop.ts';

/** The addresses and secrets of the shop that these settings mean, whether or not it runs. */
export function describeShop(settings: Settings): Shop {
  const auditorUrls = Object.fromEntries(
    databaseServices.map((service) => [service, databaseUrl(settings, service, 'auditor')]),
  ) as Shop['auditorUrls'];
  return {
    home: settings.home,
    gatewayUrl: serviceUrl(settings, 'gateway'),
    pspUrl: serviceUrl(settings, 'psp'),
    pspApiKey: valueOf(settings, 'PSP_API_KEY'),
    operatorSecret: valueOf(settings, 'OPERATOR_SECRET'),
    mailUrl: mailUrl(settings),
    kafkaBrokers: [kafkaBroker(settings)],
    connectUrl: connectUrl(settings),
    auditorUrls,
  };
}
