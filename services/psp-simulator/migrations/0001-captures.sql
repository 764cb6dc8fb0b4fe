-- The provider's ledger. Rows are only ever added: a capture or a decline, once recorded, is never changed or removed,
-- and idempotency keys never expire. A new table, so nothing is locked.
create table captures (
  sequence integer primary key autoincrement,
  capture_id text not null unique,
  idempotency_key text not null unique,
  -- SHA-256 of the request's meaning: the payment method itself is not kept.
  fingerprint text not null,
  status text not null check (status in ('captured', 'declined')),
  amount_minor integer not null check (amount_minor > 0),
  currency text not null,
  reference text not null,
  decline_reason text check ((decline_reason is null) = (status = 'captured')),
  created_at text not null,
  -- The response body as it was first sent, so that a repeat gets the same bytes even from a later version of this program.
  answer text not null
) strict;
