-- A mail server may refuse an address for good: such a notification is over, though nobody was told.
-- The check is replaced under one short exclusive lock of notifications: its rows are read once.

alter table notifications
  drop constraint notifications_status_check,
  add constraint notifications_status_check check (status in ('pending', 'sent', 'refused', 'no_address'));
