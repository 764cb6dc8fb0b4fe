-- A call that the provider's answers do not end is ended by a person, or by what the provider's own books say. New columns without a rewrite, and a new
-- table; payments is locked for a moment.

alter table payments
  -- Since when the answer is owed that is owed now; null for one that was owed before this column was there.
  add column owed_at timestamptz,
  -- What the last call brought that did not end it.
  add column last_answer text;

create table settlements (
  settlement_id uuid primary key default uuidv7(),
  order_id uuid not null references payments (order_id),
  -- What was owed then.
  status text not null check (status in ('capturing', 'voiding', 'refunding')),
  outcome text not null check (outcome in ('captured', 'declined', 'voided', 'refunded')),
  capture_id text,
  refund_id text,
  decline_reason text,
  -- Null where no person did it: it was found in the provider's books.
  operator text,
  reason text not null,
  settled_at timestamptz not null default clock_timestamp(),
  constraint settlement_says_what check (
    (outcome = 'captured') = (capture_id is not null) and (outcome = 'refunded') = (refund_id is not null)
    and (outcome = 'declined') = (decline_reason is not null))
);
comment on table settlements is 'append-only: how a call was ended other than by its own answer, by whom, when and why';
create index settlements_of_order on settlements (order_id);
