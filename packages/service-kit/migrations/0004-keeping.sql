-- How long messages are kept, and through which replication slot they were published. New tables only; nothing is locked.

-- The slot that everything in the outbox goes through. A slot has no id, and one that was dropped and made again under the same name looks the same,
-- but has skipped what was written in between. Made with two_phase, it keeps for good the LSN at which it was made; no two slots share one.
create table outbox_slot (
  slot_name name primary key,
  made_at_lsn pg_lsn not null
);

create view outbox_slot_state as
select known.slot_name, slot.active, slot.confirmed_flush_lsn,
  case
    when slot.slot_name is null then 'missing'
    when slot.wal_status = 'lost' then 'lost'
    when slot.two_phase_at is distinct from known.made_at_lsn then 'made_again'
    else 'sound'
  end as state
from outbox_slot known
left join pg_replication_slots slot on slot.slot_name = known.slot_name and slot.database = current_database();

-- Outbox partitions that nobody can write to any more, and that are dropped when the slot has passed everything in them.
create table detached_partitions (
  partition_name name primary key,
  lsn pg_lsn not null,
  detached_at timestamptz not null default clock_timestamp()
);

create function partition_day(partition_name name) returns date
language sql stable strict parallel safe
return to_date(right(partition_name, 10), 'YYYY_MM_DD');

-- The outbox keeps what is at most 7 days old, no longer than a topic does. The inbox remembers for those 7 days, the 7 that a record said again may then
-- stay in its topic, and one more for the topic's last segment. A partition is detached rather than deleted from: that waits for whoever still writes to
-- it, so that the LSN noted after it is behind all its rows. Returns what was dropped. Times out, and is tried again, rather than keep writers waiting.
create function prune_messages_at(moment timestamptz) returns setof name
language plpgsql set search_path = pg_catalog, public set lock_timeout = '1s' as $$
declare
  today constant date := (moment at time zone 'utc')::date;
  confirmed constant pg_lsn := (select confirmed_flush_lsn from public.outbox_slot_state where state = 'sound');
  child name;
begin
  perform pg_advisory_xact_lock(hashtext('ensure_message_partitions'));
  for child in delete from public.detached_partitions where lsn <= confirmed returning partition_name loop
    execute format('drop table public.%I', child);
    return next child;
  end loop;
  for child in
    select relname from pg_inherits join pg_class on oid = inhrelid
    where confirmed is not null and inhparent = 'public.outbox'::regclass and public.partition_day(relname) <= today - 7 order by 1
  loop
    execute format('alter table public.outbox detach partition public.%I', child);
    execute format('comment on table public.%I is %L', child, 'append-only: detached from the outbox');
    insert into public.detached_partitions values (child, pg_current_wal_insert_lsn());
  end loop;
  for child in
    select relname from pg_inherits join pg_class on oid = inhrelid
    where inhparent = 'public.inbox'::regclass and public.partition_day(relname) < today - 15 order by 1
  loop
    execute format('drop table public.%I', child);
    return next child;
  end loop;
end
$$;
revoke execute on function prune_messages_at from public;

-- What the service may call: it cannot choose the moment.
create function prune_messages() returns setof name
language sql security definer set search_path = pg_catalog, public
begin atomic
  select public.prune_messages_at(now());
end;

-- Takes detached partitions back into the outbox: their rows may never have been published, for the slot they waited for is gone.
create function reattach_partitions() returns void
language plpgsql set search_path = pg_catalog, public as $$
declare
  child name;
  day date;
begin
  for child in delete from public.detached_partitions returning partition_name loop
    day := public.partition_day(child);
    execute format(
      'alter table public.outbox attach partition public.%I for values from (%L) to (%L)',
      child,
      public.uuidv7_floor(day::timestamp at time zone 'utc'),
      public.uuidv7_floor((day + 1)::timestamp at time zone 'utc'));
  end loop;
end
$$;
revoke execute on function reattach_partitions from public;
