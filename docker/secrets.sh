#!/bin/sh
# Makes the secrets of compose.yaml once, in docker/secrets (or the folder given). Run again it changes nothing that is
# there. The folder is open to its owner alone; the files in it are readable, because the accounts inside the
# containers have other numbers than the owner here and compose mounts the files as they are.
set -eu

folder=${1:-$(dirname "$0")/secrets}
mkdir -p "$folder"
chmod 0700 "$folder"

password() {
    if [ ! -s "$folder/$1" ]; then
        # 48 hexadecimal digits: nothing that a URL or a shell would take for its own
        made=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')
        if [ "${#made}" -ne 48 ]; then
            echo "secrets: /dev/urandom gave nothing" >&2
            exit 1
        fi
        write "$1" "$made"
    fi
}

write() {
    printf '%s\n' "$2" > "$folder/$1.new"
    chmod 0444 "$folder/$1.new"
    mv "$folder/$1.new" "$folder/$1"
}

url() {
    write "$1" "$5://$2:$(cat "$folder/$3")@postgres:5432/$4"
}

password postgres_password
password owner_password
password application_password
password dagster_password
password mlflow_password
url owner_url medcode_owner owner_password medcode postgresql
url application_url medcode_application application_password medcode postgresql
url dagster_url medcode_dagster dagster_password medcode postgresql
# MLflow takes the driver from the URL
url mlflow_url mlflow mlflow_password mlflow postgresql+psycopg2
