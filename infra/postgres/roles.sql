-- The four roles of one service's server and its database. Run as superuser, connected to the database postgres, any number of times:
--   psql -v database=order_db -v owner=order_owner -v owner_password=… -v app=… -v debezium=… -v auditor=… -f roles.sql
-- Only :"identifier", :'literal', statements ended by ; at a line's end and \gexec at a line's end are used: the stack runs this file without psql.

-- The owner makes tables, publication and slot (a slot needs replication). Only migrations log in as it.
select format('create role %I', :'owner') where not exists (select from pg_roles where rolname = :'owner') \gexec
alter role :"owner" login replication password :'owner_password';

-- The service itself: rows only, no tables of its own.
select format('create role %I', :'app') where not exists (select from pg_roles where rolname = :'app') \gexec
alter role :"app" login password :'app_password';

-- One connector needs about four connections; with a limit of 4 its task failed.
select format('create role %I', :'debezium') where not exists (select from pg_roles where rolname = :'debezium') \gexec
alter role :"debezium" login replication connection limit 10 password :'debezium_password';

-- The auditor sees everything and can change nothing.
select format('create role %I', :'auditor') where not exists (select from pg_roles where rolname = :'auditor') \gexec
alter role :"auditor" login connection limit 20 password :'auditor_password';
alter role :"auditor" set default_transaction_read_only = on;
grant pg_read_all_data, pg_monitor to :"auditor";

-- Ends a session that holds up a healing, whoever's it is but a superuser's.
grant pg_signal_backend to :"owner";

select format('create database %I owner %I', :'database', :'owner') where not exists (select from pg_database where datname = :'database') \gexec
revoke all on database :"database" from public;
grant connect on database :"database" to :"app", :"debezium", :"auditor";
revoke connect on database postgres from public;
