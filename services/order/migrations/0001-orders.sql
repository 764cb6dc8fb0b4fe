-- Orders, their timeline and the order service's own copy of the catalogue. New tables only; nothing is locked.

create table orders (
  order_id uuid primary key,
  customer_id uuid not null,
  -- Contact data, the order's own or else the session's. Never identity.
  email text,
  lines jsonb not null check (jsonb_typeof(lines) = 'array' and jsonb_array_length(lines) between 1 and 50),
  total_minor bigint not null check (total_minor > 0),
  currency text not null,
  deadline_at timestamptz not null,
  placed_at timestamptz not null,
  placed_event_id uuid not null,
  -- The saga's commit record: decided once, and by this service alone.
  status text not null check (status in ('pending', 'confirmed', 'cancelled')),
  reason text check (reason in ('out_of_stock', 'payment_declined', 'timed_out', 'customer_cancelled')),
  confirmed_at timestamptz,
  cancelled_at timestamptz,
  -- What the others said last of this order.
  stock_heard text check (stock_heard in ('held', 'rejected', 'committed', 'released')),
  payment_heard text check (payment_heard in ('captured', 'declined', 'voided', 'refunded')),
  notifications_heard text[] not null default '{}',
  traceparent text,
  lamport bigint not null,
  version bigint not null,
  constraint cancelled_has_a_reason check ((status = 'cancelled') = (reason is not null and cancelled_at is not null)),
  constraint confirmed_has_a_time check (status <> 'confirmed' or confirmed_at is not null),
  constraint pending_is_undecided check (status <> 'pending' or confirmed_at is null)
);
create index orders_of_customer on orders (customer_id, order_id desc);

create table order_timeline (
  arrival bigint generated always as identity,
  order_id uuid not null references orders,
  event_id uuid primary key,
  type text not null,
  source text not null,
  time text not null,
  lamport bigint not null,
  version bigint not null,
  causation_id uuid,
  traceparent text,
  data json not null,
  arrived_at timestamptz not null default clock_timestamp()
);
create index order_timeline_of_order on order_timeline (order_id, lamport);
comment on table order_timeline is 'append-only: every event of an order, said or heard';

-- Names and prices as product.changed tells them. Version 0: nothing is known yet.
create table products (
  sku text primary key,
  version integer not null default 0,
  name text,
  price_minor bigint,
  currency text,
  lamport bigint not null default 0,
  constraint known_is_complete check (version = 0 or (name is not null and price_minor > 0 and currency is not null))
);
