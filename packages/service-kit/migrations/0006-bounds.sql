-- What could not be published or read does not get into the outbox: one such row would stall the connector, or be parked by everybody, for good.
-- packages/contracts/src/bounds.ts holds the same numbers. Rows from before are not looked at, and go within a week; the exclusive lock of the outbox is
-- short, for nothing is read under it.

do $$
declare
  holder regclass;
begin
  -- A detached partition is attached again only if it has the checks of its parent.
  for holder in
    select 'public.outbox'::regclass union all select format('public.%I', partition_name)::regclass from detached_partitions
  loop
    execute format($ddl$
      alter table %s
        -- A quarter of the largest record that a broker takes (message.max.bytes, 1,048,588).
        add constraint outbox_data_is_publishable check (octet_length(data::text) <= 262144) not valid,
        add constraint outbox_texts_are_short check (greatest(octet_length(partition_key), octet_length(type), octet_length(source),
          octet_length(subject), octet_length(time), octet_length(data_schema), octet_length(correlation_id)) <= 255) not valid,
        add constraint outbox_texts_are_there check (partition_key = subject and least(octet_length(subject), octet_length(type),
          octet_length(source), octet_length(data_schema), octet_length(correlation_id)) > 0) not valid,
        add constraint outbox_counts_are_readable check (greatest(lamport, aggregate_version) <= 999999999999) not valid,
        add constraint outbox_ids_are_readable check (uuid_extract_version(event_id) = 7 and octet_length(causation_id) <= 36) not valid,
        add constraint outbox_traceparent_is_readable check (octet_length(traceparent) = 55) not valid
    $ddl$, holder);
  end loop;
end
$$;
