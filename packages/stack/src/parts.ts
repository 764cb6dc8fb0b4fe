import { addedParts } from './added-parts.ts';
import { databaseServices } from './addresses.ts';
import { connectPart } from './connect.ts';
import { kafkaPart } from './kafka.ts';
import { mailPart } from './mail.ts';
import type { Part } from './part.ts';
import { postgresPart } from './postgres.ts';
import { redisPart } from './redis.ts';
import { serviceParts } from './services.ts';
import type { Settings } from './settings.ts';

/** Everything the shop consists of, with what was added to it. */
export function shopParts(settings: Settings): Part[] {
  return [
    ...databaseServices.map((service) => postgresPart(settings, service)),
    kafkaPart(settings),
    connectPart(settings),
    redisPart(settings),
    mailPart(settings),
    ...serviceParts(settings),
    ...addedParts(settings),
  ];
}
