-- Clocks that are wrong for a while. The new column of parked_messages has a constant default and is not written into its rows; its index is built under a
-- lock against writers: a table of few rows. Of the two functions only the bodies change.

alter table parked_messages
  -- False of a message whose id lay outside the inbox's window: whether it was handled is found out when it is replayed.
  add column in_inbox boolean not null default true;
update parked_messages set in_inbox = false where reason = 'outside_window';
create index parked_messages_replayed on parked_messages (event_id) where status = 'replayed';

-- As before, but one that exists without being attached is attached: a clock may have been far ahead when it was detached.
create or replace function ensure_message_partitions() returns void
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
      continue when exists (select from pg_inherits where inhrelid = to_regclass(format('public.%I', child)));
      -- Attach, not "create … partition of": attaching does not shut out readers and writers of the parent.
      execute format('create table if not exists public.%I (like public.%I including defaults including constraints)', child, parent);
      execute format(
        'alter table public.%I attach partition public.%I for values from (%L) to (%L)',
        parent, child,
        public.uuidv7_floor(day::timestamp at time zone 'utc'),
        public.uuidv7_floor((day + 1)::timestamp at time zone 'utc'));
      delete from public.detached_partitions where partition_name = child;
    end loop;
  end loop;
end
$$;

-- A clock that is far ahead must not make the inbox forget: nothing is older than the newest message says.
create or replace function prune_messages() returns setof name
language plpgsql security definer set search_path = pg_catalog, public as $$
declare
  -- Read before: a table that the statement still reads cannot be dropped by it.
  newest constant uuid := greatest(
    (select event_id from inbox order by event_id desc limit 1),
    (select event_id from outbox order by event_id desc limit 1));
begin
  return query select prune_messages_at(least(now(), uuid_extract_timestamp(newest)));
end
$$;
