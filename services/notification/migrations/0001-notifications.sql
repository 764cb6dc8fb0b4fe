-- What customers are told of their orders. New tables only; nothing is locked.

-- One row per order: the counters of everything this service says of it, and the row that is locked while it decides.
create table correspondences (
  order_id uuid primary key,
  lamport bigint not null default 0,
  version bigint not null default 0
);

create table notifications (
  order_id uuid not null references correspondences,
  outcome text not null check (outcome in ('confirmed', 'cancelled')),
  customer_id uuid not null,
  -- Contact data, as the order carried it. Never identity.
  email text,
  lines jsonb not null check (jsonb_typeof(lines) = 'array'),
  total_minor bigint not null,
  currency text not null,
  reason text,
  confirmed_at timestamptz,
  cancelled_at timestamptz,
  status text not null check (status in ('pending', 'sent', 'no_address')),
  sent_at timestamptz,
  -- The order event that caused it: what is said after sending names it as the cause.
  cause_event_id uuid not null unique,
  cause_lamport bigint not null,
  correlation_id text not null,
  traceparent text,
  -- The version of the order at that event. Mails of one order leave in this order.
  order_version bigint not null,
  attempts integer not null default 0,
  -- While an attempt runs: when it counts as lost. Between attempts: the end of the pause.
  next_attempt_at timestamptz not null default clock_timestamp(),
  primary key (order_id, outcome),
  unique (order_id, order_version),
  constraint confirmed_has_a_time check (outcome <> 'confirmed' or (confirmed_at is not null and cancelled_at is null)),
  constraint cancelled_has_a_reason check ((outcome = 'cancelled') = (reason is not null and cancelled_at is not null)),
  constraint no_address_means_no_email check ((status = 'no_address') = (email is null)),
  constraint sent_has_a_time check ((status = 'sent') = (sent_at is not null))
);
create index notifications_due on notifications (next_attempt_at) where status = 'pending';
