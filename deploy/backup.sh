#!/bin/sh
# Dumps the database now and once a day, and removes dumps that are older than KEEP_DAYS: backup.sh [--once]
# The connection comes from the variables of libpq; the password from the file that PGPASSWORD_FILE names.
set -eu
umask 077
: "${BACKUP_FOLDER:?names the folder of the dumps}" "${KEEP_DAYS:?says how long they are kept}"
if [ -n "${PGPASSWORD_FILE:-}" ]; then
    PGPASSWORD=$(cat "$PGPASSWORD_FILE")
    export PGPASSWORD
fi
trap 'exit 0' INT TERM

while :; do
    dump=$BACKUP_FOLDER/curfew-$(date -u +%Y%m%dT%H%M%SZ).dump
    pg_dump --format=custom --file="$dump.part"
    # An incomplete dump must not replace a good one.
    pg_restore --file=/dev/null "$dump.part"
    mv "$dump.part" "$dump"
    echo "dumped to $dump"
    find "$BACKUP_FOLDER" -name 'curfew-*.dump*' -mtime "+$KEEP_DAYS" -delete
    if [ "${1:-}" = --once ]; then exit; fi
    sleep 86400 &
    wait $!
done
