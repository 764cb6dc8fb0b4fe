-- What operators said of messages that all failed alike, so that consumption was paused. A new table only; nothing is locked.
create table pause_releases (
  release_id uuid primary key default uuidv7(),
  operator text not null,
  reason text not null,
  error text not null,
  released_at timestamptz not null default clock_timestamp()
);
comment on table pause_releases is 'append-only: who had messages parked that consumption was paused for, when and why';
