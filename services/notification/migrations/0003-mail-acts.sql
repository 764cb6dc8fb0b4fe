-- A mail that the mail server refuses for our sake, or does not take for long, waits for a person: what it last said, and what was done about it.
-- New columns without a rewrite, and a new table. The index keeps writers of notifications waiting while it is made: its rows are read once.

alter table notifications
  -- Since when it has not been taken; null until then.
  add column failing_since timestamptz,
  -- Its last answer refuses our sender, our words or our ways: only a person can change those.
  add column is_blocked boolean not null default false,
  add column last_answer text;

-- Operators list what was given up, newest first.
create index notifications_refused on notifications (cause_event_id) where status = 'refused';

create table mail_acts (
  act_id uuid primary key default uuidv7(),
  order_id uuid not null references correspondences,
  outcome text not null,
  act text not null check (act in ('resend', 'give_up')),
  -- The address itself stands in the notification alone.
  changes_address boolean not null,
  operator text not null,
  reason text not null,
  acted_at timestamptz not null default clock_timestamp(),
  foreign key (order_id, outcome) references notifications
);
comment on table mail_acts is 'append-only: what operators did about a notification, when and why';
