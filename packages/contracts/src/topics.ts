/** The topics that carry the saga, and who says something on each. Partitions and retention: infra/kafka/topics.json. */
export const topicOwners = {
  'order.events': 'order',
  'inventory.events': 'inventory',
  'payment.events': 'payment',
  'notification.events': 'notification',
  'catalog.events': 'inventory',
} as const;

export type Topic = keyof typeof topicOwners;
export type ServiceName = (typeof topicOwners)[Topic];

/** The services that say something, and so own a database, an outbox and a consumer group of that name. */
export const serviceNames: readonly ServiceName[] = [...new Set(Object.values(topicOwners))];
