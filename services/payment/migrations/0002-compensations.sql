-- Voids and refunds: a capture under way can be forbidden, money that was taken can be given back.
-- The checks are replaced under one short exclusive lock of payments: its rows are read once.

alter table payments
  add column refund_id text unique,
  drop constraint payments_status_check,
  drop constraint owed_knows_its_terms,
  drop constraint capturing_will_be_asked,
  drop constraint captured_has_its_capture,
  add constraint payments_status_check check (
    status in ('waiting', 'capturing', 'captured', 'declined', 'voiding', 'voided', 'refunding', 'refunded')),
  add constraint owed_knows_its_terms check (
    status in ('waiting', 'voided')
    or (amount_minor is not null and currency is not null and payment_method is not null and deadline_at is not null and stock_reserved)),
  -- The provider owes an answer in these states, and in no other.
  add constraint owed_will_be_asked check ((status in ('capturing', 'voiding', 'refunding')) = (ask_at is not null)),
  add constraint owed_has_its_cause check (status not in ('capturing', 'voiding', 'refunding') or call_cause_id is not null),
  add constraint captured_has_its_capture check ((status in ('captured', 'refunding', 'refunded')) = (capture_id is not null)),
  add constraint refunded_has_its_refund check ((status = 'refunded') = (refund_id is not null));

drop index payments_to_ask;
create index payments_to_ask on payments (ask_at) where ask_at is not null;
