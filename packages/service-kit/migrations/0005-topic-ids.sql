-- The place of a message is a partition and an offset of one topic, and a topic is its id: one that is made anew under the same name begins at offset 0
-- again. When it was appended tells the two apart as well, while a consumer has not yet heard of the new one.
-- The new columns are null, so nothing is rewritten; the exclusive lock of parked_messages lasts as long as its new index takes: a table of few rows.
alter table parked_messages
  add column topic_id text,
  add column appended_at timestamptz,
  drop constraint parked_messages_topic_kafka_partition_kafka_offset_key,
  add constraint parked_once unique nulls not distinct (topic, topic_id, kafka_partition, kafka_offset, appended_at);
