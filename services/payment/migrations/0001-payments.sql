-- Payments: one row an order, kept for ever, for a replay of any age must find it. New table only; nothing is locked.

create table payments (
  order_id uuid primary key,
  customer_id uuid,
  status text not null default 'waiting' check (status in ('waiting', 'capturing', 'captured', 'declined', 'voided')),
  -- From order.placed; null until it was heard.
  amount_minor bigint check (amount_minor > 0),
  currency text,
  payment_method text,
  deadline_at timestamptz,
  -- From stock.reserved.
  stock_reserved boolean not null default false,
  capture_id text unique,
  decline_reason text,
  -- The event that started the call to the provider: the cause of whatever its reply makes us say.
  call_cause_id uuid,
  traceparent text,
  attempts integer not null default 0,
  -- When the provider is asked (again). Set while a call is owed, whatever process made or lost the last one.
  ask_at timestamptz,
  lamport bigint not null default 0,
  version bigint not null default 0,
  constraint owed_knows_its_terms check (
    status not in ('capturing', 'captured', 'declined')
    or (amount_minor is not null and currency is not null and payment_method is not null and deadline_at is not null and stock_reserved)),
  constraint capturing_will_be_asked check (status <> 'capturing' or (call_cause_id is not null and ask_at is not null)),
  constraint captured_has_its_capture check ((status = 'captured') = (capture_id is not null)),
  constraint declined_has_a_reason check ((status = 'declined') = (decline_reason is not null))
);
create index payments_to_ask on payments (ask_at) where status = 'capturing';
