import { dataSchemaOf, EventHeaders } from './cloud-event.ts';
import { eventTypes, type EventType } from './events.ts';
import { topicOwners, type Topic } from './topics.ts';

/** The description of all that is said on Kafka, as an AsyncAPI 3.1 document: topics, who sends on them, headers and data of each event. */
export function describeEvents(): object {
  return {
    asyncapi: '3.1.0',
    info: {
      title: 'Sagamart',
      version: '1',
      description:
        'The events of the shop: CloudEvents 1.0 in Kafka binary mode. They come at least once, in order for one key, and topics are not ordered among ' +
        'themselves: drop an id that you have had, and sort by ce_lamport, then ce_source, then ce_aggregateversion. Ignore fields that you do not know.',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    defaultContentType: 'application/json',
    channels: Object.fromEntries(topics.map((topic) => [topic, channelOf(topic)])),
    operations: Object.fromEntries(topics.map((topic) => [`${topicOwners[topic]}-sends-${topic}`, operationOf(topic)])),
    components: {
      messages: Object.fromEntries(types.map((type) => [type, messageOf(type)])),
      schemas: { headers: EventHeaders },
    },
  };
}

const topics = Object.keys(topicOwners) as Topic[];
const types = Object.keys(eventTypes) as EventType[];

function channelOf(topic: Topic): object {
  const said = types.filter((type) => eventTypes[type].topic === topic);
  return {
    address: topic,
    messages: Object.fromEntries(said.map((type) => [type, { $ref: `#/components/messages/${type}` }])),
  };
}

function operationOf(topic: Topic): object {
  return { action: 'send', channel: { $ref: `#/channels/${topic}` } };
}

function messageOf(type: EventType): object {
  const { topic, data } = eventTypes[type];
  const constants = { ce_type: type, ce_source: `/${topicOwners[topic]}`, ce_dataschema: dataSchemaOf(type) };
  const properties = Object.fromEntries(Object.entries(constants).map(([name, value]) => [name, { const: value }]));
  return {
    name: type,
    contentType: 'application/json',
    headers: { allOf: [{ $ref: '#/components/schemas/headers' }, { type: 'object', properties }] },
    payload: data,
    correlationId: { location: '$message.header#/ce_correlationid' },
    bindings: { kafka: { key: 'orderId' in data.properties ? data.properties.orderId : data.properties.sku } },
  };
}
