-- Voids and refunds stand in one book with captures and declines, numbered in the order they were recorded. Rows are only ever added, and
-- keys never expire. What the first table holds is copied, sequence numbers included, before that table is dropped: the file is this process's alone.
create table ledger (
  sequence integer primary key autoincrement,
  kind text not null check (kind in ('capture', 'decline', 'void', 'refund')),
  -- The idempotency key of a capture or refund; of a void, the capture key it forbids. One row a key: a key is captured, declined or voided, never two.
  key text not null unique,
  -- SHA-256 of the request's meaning: the payment method itself is not kept.
  fingerprint text not null,
  capture_id text check ((capture_id is null) = (kind = 'void')),
  refund_id text unique check ((refund_id is null) = (kind <> 'refund')),
  amount_minor integer check (amount_minor > 0),
  currency text,
  reference text,
  decline_reason text check ((decline_reason is null) = (kind <> 'decline')),
  created_at text not null,
  -- The response body as it was first sent, so that a repeat gets the same bytes even from a later version of this program.
  answer text not null,
  check (kind = 'void' or (amount_minor is not null and currency is not null and reference is not null))
) strict;
create unique index one_row_a_capture on ledger (capture_id) where kind in ('capture', 'decline');
create unique index one_refund_a_capture on ledger (capture_id) where kind = 'refund';

insert into ledger (sequence, kind, key, fingerprint, capture_id, amount_minor, currency, reference, decline_reason, created_at, answer)
  select sequence, iif(status = 'captured', 'capture', 'decline'), idempotency_key, fingerprint, capture_id, amount_minor, currency, reference,
    decline_reason, created_at, answer
  from captures order by sequence;
drop table captures;
