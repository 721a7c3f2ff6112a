#!/bin/sh
# Puts secrets that are mounted as files into the environment of one process: NAME_FILE=/run/secrets/x becomes NAME.
# A name that is set already stays as it is. No secret stands in an image, in compose.yaml or in `docker inspect`.
set -eu

for name in MEDCODE_DATABASE_URL MEDCODE_DAGSTER_URL MLFLOW_BACKEND_STORE_URI; do
    eval "value=\${${name}:-}"
    eval "file=\${${name}_FILE:-}"
    if [ -n "$value" ] || [ -z "$file" ]; then
        continue
    fi
    if [ ! -r "$file" ]; then
        echo "entrypoint: $name shall come from $file, which cannot be read: run 'make docker-secrets' and mount it" >&2
        exit 1
    fi
    value=$(cat "$file")
    if [ -z "$value" ]; then
        echo "entrypoint: $file is empty: remove it and run 'make docker-secrets'" >&2
        exit 1
    fi
    export "$name=$value"
    unset "${name}_FILE"
done

exec "$@"
