-- Where in the WAL a row was written: what lies after the slot's confirmed position is not yet known to be in Kafka. Rows from before have none,
-- and count as published. The new column is null, so nothing is rewritten; the exclusive lock of the outbox is short.
alter table outbox add column written_lsn pg_lsn;
alter table outbox alter column written_lsn set default pg_current_wal_insert_lsn();
