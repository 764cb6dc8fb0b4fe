-- The messaging tables every service database has: what it will say (outbox), what it has heard (inbox), what it could
-- not handle (parked_messages), what it has answered (idempotency_keys). New tables only; nothing is locked.

-- The lowest UUIDv7 of a moment: the bound between two partitions (RFC 9562: the first 48 bits are Unix milliseconds).
create function uuidv7_floor(moment timestamptz) returns uuid
language sql immutable strict parallel safe
return (lpad(to_hex((extract(epoch from moment) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid;

-- Debezium's EventRouter turns each row into one Kafka record; infra/debezium/outbox-connector.json names every column.
create table outbox (
  event_id uuid not null primary key,
  -- A record for a topic that does not exist would stall the connector for good.
  topic text not null constraint outbox_topic_exists check (
    topic in ('order.events', 'inventory.events', 'payment.events', 'notification.events', 'catalog.events')),
  partition_key text not null,
  type text not null,
  source text not null,
  subject text not null,
  time text not null,
  spec_version text not null default '1.0',
  data_schema text not null,
  causation_id text,
  correlation_id text not null,
  aggregate_version bigint not null check (aggregate_version > 0),
  lamport bigint not null check (lamport > 0),
  traceparent text,
  content_type text not null default 'application/json',
  -- json, not jsonb: the value arrives in Kafka byte for byte as it was written.
  data json not null,
  -- Debezium's event timestamp field must be a timestamp without zone, in UTC.
  created_at timestamp not null default (clock_timestamp() at time zone 'utc')
) partition by range (event_id);
comment on table outbox is 'append-only: what this service says, published by Debezium';

create table inbox (
  event_id uuid not null primary key,
  type text not null,
  topic text not null,
  partition_key text not null,
  received_at timestamptz not null default clock_timestamp()
) partition by range (event_id);
comment on table inbox is 'append-only: every event this service has taken over, once';

-- FIFO scope is (topic, partition_key); a database has one consumer, its service.
create table parked_messages (
  parked_id bigint generated always as identity primary key,
  topic text not null,
  partition_key text not null,
  kafka_partition integer not null,
  kafka_offset bigint not null,
  event_id text,
  type text,
  headers json not null,
  value bytea,
  reason text not null,
  error text not null,
  status text not null default 'parked' check (status in ('parked', 'replayed', 'discarded')),
  parked_at timestamptz not null default clock_timestamp(),
  unique (topic, kafka_partition, kafka_offset)
);
create index parked_messages_waiting on parked_messages (topic, partition_key, parked_id) where status = 'parked';

-- The answers given to keyed requests (IETF draft-ietf-httpapi-idempotency-key-header-07).
create table idempotency_keys (
  owner text not null,
  route text not null,
  key text not null,
  fingerprint text not null,
  status smallint not null check (status between 200 and 299),
  location text,
  body text not null,
  created_at timestamptz not null default clock_timestamp(),
  primary key (owner, route, key)
);
comment on table idempotency_keys is 'append-only: an answer, once given, is given again';

-- Written by Debezium every few seconds, so that the slot of an idle database moves and does not pin its WAL.
create table debezium_heartbeat (
  id smallint primary key check (id = 1),
  beat_at timestamptz not null
);

-- Daily partitions: the outbox from today, the inbox as far back as an event can still arrive (7 days of outbox kept for
-- re-emission, 7 days of topic, one segment), both three days ahead. Called at migration and hourly by the service.
create function ensure_message_partitions() returns void
language plpgsql security definer set search_path = pg_catalog, public as $$
declare
  today constant date := (now() at time zone 'utc')::date;
  parent text;
  days_back integer;
  day date;
  child text;
begin
  perform pg_advisory_xact_lock(hashtext('ensure_message_partitions'));
  for parent, days_back in values ('outbox', 1), ('inbox', 15) loop
    for day in select generate_series(today - days_back, today + 3, interval '1 day')::date loop
      child := format('%s_%s', parent, to_char(day, 'YYYY_MM_DD'));
      continue when to_regclass(child) is not null;
      -- Attach, not "create … partition of": attaching does not shut out readers and writers of the parent.
      execute format('create table public.%I (like public.%I including defaults including constraints)', child, parent);
      execute format(
        'alter table public.%I attach partition public.%I for values from (%L) to (%L)',
        parent, child,
        public.uuidv7_floor(day::timestamp at time zone 'utc'),
        public.uuidv7_floor((day + 1)::timestamp at time zone 'utc'));
    end loop;
  end loop;
end
$$;

select ensure_message_partitions();

-- insert for the outbox, update for the heartbeat; partitions appear under the name of their parent.
create publication outbox for table outbox, debezium_heartbeat
  with (publish = 'insert, update', publish_via_partition_root = true);
