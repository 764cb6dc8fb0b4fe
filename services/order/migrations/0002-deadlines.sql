-- The sweeper looks for pending orders past their deadline twice a second. Locks orders against writes while the index is built: the table is small
-- where this runs for the first time.
create index orders_pending_by_deadline on orders (deadline_at) where status = 'pending';
