#!/bin/sh
# Before the containers start: makes docker/medcode.env once, looks for settings that would reach no container, and lets
# the accounts inside the containers read what is mounted from here (a clone under umask 077 closes it to them).
set -eu

folder=$(cd "$(dirname "$0")" && pwd)
settings=$folder/medcode.env
example=$folder/medcode.env.example

if [ ! -e "$settings" ]; then
    # it may come to hold keys of S3
    (umask 077 && cp "$example" "$settings")
    chmod 0600 "$settings"
fi

known() {
    grep -q "^#*$1=" "$example"
}

wrong=0
for name in $(sed -n 's/^[[:space:]]*\(MEDCODE_[A-Z0-9_]*\).*/\1/p' "$settings"); do
    if ! known "$name"; then
        echo "docker/medcode.env: $name reaches no container: see docker/medcode.env.example for those that do" >&2
        wrong=1
    fi
done
for name in $(env | sed -n 's/^\(MEDCODE_[A-Z0-9_]*\)=.*/\1/p'); do
    if known "$name"; then
        echo "$name of this shell reaches no container: put it into docker/medcode.env, and unset it here" >&2
        wrong=1
    fi
done

chmod a+rx "$folder/postgres/init" "$folder/postgres/init/sql" "$folder/kafka"
find "$folder/opa" -type d -exec chmod a+rx {} +
find "$folder/opa" "$folder/postgres/init" "$folder/kafka" -type f -exec chmod a+r {} +
# the image of PostgreSQL reads a script into itself that it may not run
find "$folder" -name '*.sh' -exec chmod a+rx {} +
exit "$wrong"
