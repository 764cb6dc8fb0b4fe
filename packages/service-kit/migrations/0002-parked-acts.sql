-- Operators replay and discard parked messages by an id that is unique across services, and what they did is kept.
-- The new columns rewrite parked_messages under an exclusive lock: a table of few rows.
alter table parked_messages
  add column message_id uuid not null default uuidv7() unique,
  -- A message that only waits behind another has not been tried.
  add column attempts integer not null default 1 check (attempts >= 0);
update parked_messages set attempts = 0 where reason = 'behind_parked';

create table parked_acts (
  act_id uuid primary key default uuidv7(),
  message_id uuid not null references parked_messages (message_id),
  act text not null check (act in ('replay', 'discard')),
  operator text not null,
  reason text check (act <> 'discard' or reason is not null),
  -- The message whose replay or discard let this one through; null for the one that the operator named.
  behind uuid references parked_messages (message_id),
  outcome text not null check (outcome in ('replayed', 'discarded', 'parked')),
  error text,
  acted_at timestamptz not null default clock_timestamp()
);
create index parked_acts_of_message on parked_acts (message_id);
comment on table parked_acts is 'append-only: who did what with a parked message, when and why';
