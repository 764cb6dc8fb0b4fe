import { setTimeout as pause } from 'node:timers/promises';
import { createLogger } from '@sagamart/telemetry/logger';
import { startConsumer } from './consumer.ts';
import { testBrokers } from './topic-fixture.ts';

// A member of a group in a process of its own, for a test to pause: node group-member-fixture.ts <group> <topic> <ms for each batch>.
// It tells its parent what it begins and has handled and, when asked, how many bytes of records it holds.

export type MemberSays = { readonly began?: string[]; readonly handled?: string[]; readonly holdsBytes?: number };

const [groupId = '', topic = '', handlingMs = '0'] = process.argv.slice(2);

const tell = (says: MemberSays): void => void process.send?.(says);

startConsumer({
  brokers: testBrokers(),
  groupId,
  topics: [topic],
  logger: createLogger({ service: 'member', level: 'silent' }),
  handle: async (records) => {
    const values = records.map(({ key }) => key ?? '');
    tell({ began: values });
    await pause(Number(handlingMs));
    tell({ handled: values });
    return [];
  },
});
process.on('message', () => tell({ holdsBytes: process.memoryUsage().arrayBuffers }));
process.once('disconnect', () => process.exit());
