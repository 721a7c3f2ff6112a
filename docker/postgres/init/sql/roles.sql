-- Run by 10-roles.sh, which says what the roles are for. The passwords come by the environment and stand in no log.
SET log_statement = 'none';
SET log_min_duration_statement = -1;
SET log_min_error_statement = 'panic';

\getenv owner OWNER_PASSWORD
\getenv application APPLICATION_PASSWORD
\getenv dagster DAGSTER_PASSWORD
\getenv mlflow MLFLOW_PASSWORD

CREATE ROLE medcode_owner LOGIN PASSWORD :'owner';
CREATE ROLE medcode_application LOGIN PASSWORD :'application';
CREATE ROLE medcode_dagster LOGIN PASSWORD :'dagster';
CREATE ROLE medcode_reader NOLOGIN;
CREATE ROLE mlflow LOGIN PASSWORD :'mlflow';

CREATE DATABASE medcode OWNER medcode_owner;
CREATE DATABASE mlflow OWNER mlflow;
REVOKE ALL ON DATABASE medcode FROM PUBLIC;
REVOKE ALL ON DATABASE mlflow FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE medcode TO medcode_application;
GRANT CONNECT ON DATABASE medcode TO medcode_dagster, medcode_reader;

\connect medcode

CREATE SCHEMA dagster AUTHORIZATION medcode_dagster;
ALTER ROLE medcode_dagster IN DATABASE medcode SET search_path = dagster;

-- Whatever migrations make from now on, the application may use.
ALTER DEFAULT PRIVILEGES FOR ROLE medcode_owner GRANT USAGE ON SCHEMAS TO medcode_application;
ALTER DEFAULT PRIVILEGES FOR ROLE medcode_owner GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO medcode_application;
ALTER DEFAULT PRIVILEGES FOR ROLE medcode_owner GRANT USAGE, SELECT, UPDATE ON SEQUENCES TO medcode_application;
