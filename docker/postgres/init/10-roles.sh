#!/bin/sh
# Roles and databases, once, when the volume is new. Who may do what:
#   medcode_owner        owns the tables and views: migrations, and the code location, which replaces views of mart
#   medcode_application  reads and writes rows: the API and the stream workers
#   medcode_dagster      Dagster's own tables in schema dagster, and nothing of a patient: webserver and daemon
#   medcode_reader       reads schema mart; no login of its own: GRANT medcode_reader TO a person's role
#   mlflow               owns the database of the MLflow server
set -eu

secrets=${SECRETS:-/run/secrets}
for role in owner application dagster mlflow; do
    if [ ! -s "$secrets/${role}_password" ]; then
        echo "roles: $secrets/${role}_password is missing or empty: run 'make docker-secrets'" >&2
        exit 1
    fi
done

# By the environment, not as arguments: those stand in the list of processes.
OWNER_PASSWORD=$(cat "$secrets/owner_password") \
APPLICATION_PASSWORD=$(cat "$secrets/application_password") \
DAGSTER_PASSWORD=$(cat "$secrets/dagster_password") \
MLFLOW_PASSWORD=$(cat "$secrets/mlflow_password") \
    psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres \
    --file "$(dirname "$0")/sql/roles.sql"
