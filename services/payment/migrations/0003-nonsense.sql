-- Answers of the provider that made no sense, so that a person can see what it said: one row a call (capture, void or refund of an order),
-- kept for ever. New table only; nothing is locked.

create table nonsense_answers (
  order_id uuid not null references payments (order_id),
  -- The payment's status when it was asked for: while the payment still has it, the call is still owed.
  status text not null check (status in ('capturing', 'voiding', 'refunding')),
  answers integer not null default 1 check (answers > 0),
  first_at timestamptz not null default now(),
  last_at timestamptz not null default now(),
  last_text text not null,
  primary key (order_id, status)
);
