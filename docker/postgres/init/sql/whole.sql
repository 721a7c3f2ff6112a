-- Asked by the health check of compose.yaml: t where all that roles.sql makes is there, to its last statement.
SELECT (SELECT count(*) FROM pg_roles
        WHERE rolname IN ('medcode_owner', 'medcode_application', 'medcode_dagster', 'medcode_reader', 'mlflow')) = 5
   AND (SELECT count(*) FROM pg_database WHERE datname = 'mlflow') = 1
   AND (SELECT count(*) FROM pg_namespace WHERE nspname = 'dagster') = 1
   AND (SELECT count(*) FROM pg_default_acl WHERE defaclrole::regrole::text = 'medcode_owner') >= 3;
