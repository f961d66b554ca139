-- Login roles of the processes, one each, below the group roles that migrations give rights to. Run once by the database's
-- administrator, before the first migration:
--   psql -v migrate_password=... -v portal_password=... -v worker_password=... -v admin_password=... -f roles.sql DATABASE
-- Rotating a password is ALTER ROLE ... PASSWORD, then the secret in the store.
\set ON_ERROR_STOP on
BEGIN;
CREATE ROLE cloister_owner NOLOGIN NOBYPASSRLS NOSUPERUSER;
CREATE ROLE cloister_serve NOLOGIN NOBYPASSRLS NOSUPERUSER;
CREATE ROLE cloister_work NOLOGIN NOBYPASSRLS NOSUPERUSER;
CREATE ROLE cloister_admin NOLOGIN NOBYPASSRLS NOSUPERUSER;
CREATE ROLE cloister_auditor NOLOGIN NOBYPASSRLS NOSUPERUSER;
CREATE ROLE migrate LOGIN PASSWORD :'migrate_password' IN ROLE cloister_owner;
CREATE ROLE portal LOGIN PASSWORD :'portal_password' IN ROLE cloister_serve;
CREATE ROLE worker LOGIN PASSWORD :'worker_password' IN ROLE cloister_work;
CREATE ROLE tenant_admin LOGIN PASSWORD :'admin_password' IN ROLE cloister_admin;
-- The owner of the database may grant in its schema; nobody else may create in it.
GRANT migrate TO CURRENT_USER;
SELECT format('ALTER DATABASE %I OWNER TO migrate', current_database()) \gexec
REVOKE ALL ON SCHEMA public FROM PUBLIC;
REVOKE migrate FROM CURRENT_USER;
COMMIT;
