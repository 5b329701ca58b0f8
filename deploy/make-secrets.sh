#!/bin/sh
# Makes the secrets that compose.yml mounts; those that exist stay as they are: make-secrets.sh [FOLDER]
set -eu
umask 077
folder=${1:-$(dirname "$0")/secrets}
mkdir -p "$folder"
# The users in the containers have other numbers than those of this host, so each file is readable. The folder is
# not: other users of this host cannot reach the files.
chmod 700 "$folder"
cd "$folder"

keep() {
    if [ ! -e "$1" ]; then
        printf '%s\n' "$2" >"$1.new"
        chmod 444 "$1.new"
        mv "$1.new" "$1"
    fi
}
password() {
    od -An -v -tx1 -N32 /dev/urandom | tr -d ' \n'
}

keep postgres_password "$(password)"
keep database_url "postgresql+psycopg://curfew:$(cat postgres_password)@postgres/curfew"
keep valkey_conf "requirepass $(password)"
keep broker_url "redis://:$(sed 's/^requirepass //' valkey_conf)@valkey:6379/0"
keep secret_key "$(head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n')"
echo "The secrets are in $(pwd). Keep a copy of secret_key apart from the backups: the database cannot be used without it."
