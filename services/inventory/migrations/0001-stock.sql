-- Products, their stock, every movement of it, and the reservations of orders. New tables only; nothing is locked.

create table products (
  sku text primary key,
  name text not null,
  description text not null,
  price_minor bigint not null check (price_minor > 0),
  currency text not null,
  -- Rises by one with every product.changed; a change of stock is none.
  version integer not null check (version > 0),
  lamport bigint not null
);

-- The table forbids what the code must never decide: a unit that is sold twice.
create table stock (
  sku text primary key references products,
  on_hand integer not null default 0 constraint on_hand_not_negative check (on_hand >= 0),
  held integer not null default 0 constraint held_not_negative check (held >= 0),
  committed integer not null default 0 constraint committed_not_negative check (committed >= 0)
);

create table reservations (
  order_id uuid primary key,
  customer_id uuid,
  -- tombstone: the order was cancelled before it was placed, as far as we heard; nothing may ever be held for it.
  status text not null default 'unseen' check (status in ('unseen', 'held', 'rejected', 'committed', 'released', 'tombstone')),
  lines jsonb not null default '[]',
  lamport bigint not null default 0,
  version bigint not null default 0
);

create table stock_movements (
  movement_id bigint generated always as identity primary key,
  sku text not null references products,
  kind text not null check (kind in ('initial', 'restock', 'hold', 'commit', 'release', 'return')),
  quantity integer not null check (quantity > 0),
  order_id uuid,
  -- The balances right after this movement.
  on_hand integer not null check (on_hand >= 0),
  held integer not null check (held >= 0),
  committed integer not null check (committed >= 0),
  moved_at timestamptz not null default clock_timestamp(),
  constraint orders_move_stock check ((order_id is null) = (kind in ('initial', 'restock')))
);
create unique index stock_movements_once on stock_movements (order_id, sku, kind) where order_id is not null;
create index stock_movements_of_sku on stock_movements (sku, movement_id);
comment on table stock_movements is 'append-only: every change of stock with its running balances';
