#!/bin/sh
# Registers the apps of docker-compose.yml and Ada; what is there already stays as it is.
set -eu

register() {
    name=$1
    port=$2
    if curfew client show "$name" >/dev/null 2>&1; then
        return
    fi
    # Browsers find an app at localhost; Logout Tokens find it by its name in the network of the containers.
    curfew client add --client-id "$name" --client-secret "a-secret-of-the-$name-app-for-looking-around" \
        --first-party --client-name "$name" \
        --redirect-uri "http://localhost:$port/callback" \
        --post-logout-redirect-uri "http://localhost:$port/signed-out" \
        --backchannel-logout-uri "http://localhost:$port/backchannel-logout" \
        --deliver-to "http://provider:$port/backchannel-logout" \
        --id-token-signed-response-alg ES256
}

register red 8901
register green 8902
register blue 8903

if ! curfew user show ada >/dev/null 2>&1; then
    echo "analytical-engine-1843" | curfew user add ada --claim name="Ada Lovelace" --claim email=ada@example.com
fi
