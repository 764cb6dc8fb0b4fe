import type { EachBatchPayload, TopicOffsets } from 'kafkajs';
import type { TopicIds } from './topic-ids.ts';

/** What of a batch it takes to commit the offsets that were resolved in all batches of its client. */
type Handled = Pick<EachBatchPayload, 'commitOffsetsIfNecessary' | 'uncommittedOffsets'>;

export type OffsetCommits = {
  /** Commits what was handled: at once, or with all that follows a second after the last time. Rejects as the commit does. */
  readonly handled: (payload: Handled) => Promise<void>;
  /** Commits what is left. What is handled after this is committed at once. */
  readonly close: () => Promise<void>;
};

export const commitEveryMs = 1_000;

/**
 * The commits of one client, each with the id of the topic that it is about. After every batch they were a quarter of the broker's work; what a second's delay costs is a second read again after a
 * crash, which the inbox drops.
 */
export function createOffsetCommits(topicIds: TopicIds): OffsetCommits {
  let latest: Handled | undefined;
  let lastMs = -Infinity;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const commit = async (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    lastMs = performance.now();
    const { topics } = latest?.uncommittedOffsets() ?? { topics: [] };
    await latest?.commitOffsetsIfNecessary({ topics: topics.map(withTopicId) });
  };
  const withTopicId = ({ topic, partitions }: TopicOffsets): TopicOffsets => {
    const metadata = topicIds.get(topic);
    return { topic, partitions: partitions.map((each) => ({ ...each, metadata })) };
  };
  // The client notices by itself what keeps it from committing.
  const commitSoon = (): void => {
    if (!closed) timer ??= setTimeout(() => void commit().catch(commitSoon), commitEveryMs);
  };

  return {
    handled: async (payload) => {
      latest = payload;
      if (closed || performance.now() - lastMs >= commitEveryMs) await commit();
      else commitSoon();
    },
    close: () => {
      closed = true;
      return commit();
    },
  };
}
