/** Every metric the shop emits. A label takes its values from a fixed set: never an id, a path as it came, or a text from outside. */
export const metricNames = {
  httpServerDuration: {
    name: 'http_server_request_duration_seconds',
    help: 'Time from a request to the end of its answer, by route template',
    labelNames: ['http_request_method', 'http_route', 'http_response_status_code'],
  },
  eventsSaid: {
    name: 'sagamart_events_said_total',
    help: 'Events committed to the outbox',
    labelNames: ['type'],
  },
  messages: {
    name: 'sagamart_messages_total',
    help: 'Messages taken from Kafka, by what became of them',
    labelNames: ['type', 'result'],
  },
  sagaDuration: {
    name: 'sagamart_saga_duration_seconds',
    help: 'Time from an order being placed to its outcome being decided',
    labelNames: ['outcome'],
  },
  providerCallDuration: {
    name: 'sagamart_provider_call_duration_seconds',
    help: 'Time of one call to the payment provider, by what it asked and what came of it',
    labelNames: ['call', 'result'],
  },
  unfinished: {
    name: 'sagamart_unfinished',
    help: 'Rows in a state that must end, by state; 10000 stands for that many or more',
    labelNames: ['state'],
  },
  unfinishedOldestAge: {
    name: 'sagamart_unfinished_oldest_age_seconds',
    help: 'How long the oldest row has been in a state that must end; 0 when there is none',
    labelNames: ['state'],
  },
  escalated: {
    name: 'sagamart_escalated',
    help: 'What the answers of the outside world do not end and a person is asked to; 10000 stands for that many or more',
    labelNames: [],
  },
  outboxUnpublished: {
    name: 'sagamart_outbox_unpublished',
    help: 'Outbox rows that Debezium has not yet confirmed to be in Kafka; 10000 stands for that many or more',
    labelNames: [],
  },
  outboxOldestAge: {
    name: 'sagamart_outbox_unpublished_oldest_age_seconds',
    help: 'Age of the oldest outbox row that is not yet confirmed to be in Kafka; 0 when there is none',
    labelNames: [],
  },
  slotActive: {
    name: 'sagamart_slot_active',
    help: '1 while Debezium reads the replication slot; 0 when nobody does, or there is none, or its WAL is lost',
    labelNames: [],
  },
  slotSound: {
    name: 'sagamart_slot_sound',
    help: '1 while the replication slot is the one that all of the outbox goes through; 0 when it is gone, lost, or was made again by somebody',
    labelNames: [],
  },
  slotPosition: {
    name: 'sagamart_slot_confirmed_bytes',
    help: 'Position in the WAL up to which Debezium has confirmed',
    labelNames: [],
  },
  slotLag: {
    name: 'sagamart_slot_lag_bytes',
    help: 'WAL written after the position that Debezium has confirmed',
    labelNames: [],
  },
  slotRetained: {
    name: 'sagamart_slot_retained_wal_bytes',
    help: 'WAL that the server keeps because of the slot',
    labelNames: [],
  },
  consumerLag: {
    name: 'sagamart_consumer_lag_messages',
    help: 'Messages on a topic after the offsets that this consumer has committed',
    labelNames: ['topic'],
  },
  consumerFetchAge: {
    name: 'sagamart_consumer_fetch_age_seconds',
    help: 'Time since this consumer last heard from Kafka, with or without messages',
    labelNames: [],
  },
  parked: {
    name: 'sagamart_parked_messages',
    help: 'Messages that could not be handled and wait for an operator; 10000 stands for that many or more',
    labelNames: [],
  },
  parkedOldestAge: {
    name: 'sagamart_parked_oldest_age_seconds',
    help: 'How long the oldest parked message has waited; 0 when there is none',
    labelNames: [],
  },
  poolConnections: {
    name: 'sagamart_pool_connections',
    help: 'Connections to the database',
    labelNames: ['state'],
  },
  poolWaiting: {
    name: 'sagamart_pool_waiting',
    help: 'Requests that wait for a connection to the database',
    labelNames: [],
  },
  sourceUp: {
    name: 'sagamart_source_up',
    help: '1 when what a metric is read from answered in time; its metrics are absent otherwise',
    labelNames: ['source'],
  },
  buildInfo: {
    name: 'sagamart_build_info',
    help: 'Always 1; the labels say what runs',
    labelNames: ['version', 'node'],
  },
} as const;

/**
 * Every name this shop emits on spans. Names without the prefix `sagamart.` are OpenTelemetry's own (semantic conventions 1.45: HTTP, database,
 * messaging); none holds a payload, an address or a payment method.
 */
export const attribute = {
  httpMethod: 'http.request.method',
  httpRoute: 'http.route',
  httpStatus: 'http.response.status_code',
  serverAddress: 'server.address',
  serverPort: 'server.port',
  errorType: 'error.type',
  protocol: 'network.protocol.name',
  dbSystem: 'db.system.name',
  dbNamespace: 'db.namespace',
  dbOperation: 'db.operation.name',
  messagingSystem: 'messaging.system',
  messagingOperation: 'messaging.operation.name',
  messagingOperationType: 'messaging.operation.type',
  messagingDestination: 'messaging.destination.name',
  messagingPartition: 'messaging.destination.partition.id',
  messagingOffset: 'messaging.kafka.offset',
  messagingBatchSize: 'messaging.batch.message_count',
  messageId: 'messaging.message.id',
  eventType: 'sagamart.event.type',
  orderId: 'sagamart.order.id',
} as const;

/** The names of spans, and what stands in them: a route, a service, an event type; never an id. */
export const spanName = {
  request: (method: string, route: string | undefined) => (route === undefined ? method : `${method} ${route}`),
  call: (method: string, service: string) => `${method} ${service}`,
  transaction: 'transaction',
  redisCount: 'EVAL',
  process: (eventType: string) => `process ${eventType}`,
  batch: (topic: string) => `batch of ${topic}`,
  inOutbox: (eventType: string) => `${eventType} in outbox`,
  inTopic: (eventType: string) => `${eventType} in topic`,
  askProvider: (what: string) => `ask provider: ${what}`,
  recordReplies: 'record replies of provider',
  sendMail: 'send mail',
  cancelOrder: 'cancel order',
  timeOutOrder: 'time out order',
  sweepDeadlines: 'sweep deadlines',
  settlePayment: 'settle payment',
  actOnMail: 'act on mail',
} as const;
