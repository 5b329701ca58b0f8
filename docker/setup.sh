#!/bin/sh
# Registers the apps, the phone and the APIs of docker-compose.yml, and Ada; what is there already stays as it is.
set -eu

known=$(curfew client list --json)

is_new() {
    case $known in
        *"\"client_id\": \"$1\""*) return 1 ;;
    esac
}

register_app() {
    name=$1
    port=$2
    shift 2
    # Browsers find an app at localhost; Logout Tokens find it by its name in the network of the containers.
    is_new "$name" || return 0
    curfew client add --client-id "$name" --client-secret "a-secret-of-the-$name-app-for-looking-around" \
        --first-party --client-name "$name" \
        --redirect-uri "http://localhost:$port/callback" \
        --post-logout-redirect-uri "http://localhost:$port/signed-out" \
        --backchannel-logout-uri "http://localhost:$port/backchannel-logout" \
        --deliver-to "http://provider:$port/backchannel-logout" \
        --id-token-signed-response-alg ES256 "$@"
}

register_phone() {
    is_new phone || return 0
    curfew client add --client-id phone --for native --first-party --dpop-bound-access-tokens \
        --scope "openid profile email offline_access account balance transfer"
}

register_api() {
    name=$1
    is_new "$name" || return 0
    curfew client add --client-id "$name" --client-secret "a-secret-of-the-$name-api-for-looking-around" \
        --first-party --client-name "$name" \
        --grant-type urn:ietf:params:oauth:grant-type:token-exchange --scope balance \
        --may-exchange-tokens-of phone
}

register_app red 8901 --scope "openid profile email account"
register_app green 8902
register_app blue 8903 --scope "openid profile email balance" --access-token-format jwt
register_phone
register_api bank
register_api ledger

if ! curfew user show ada >/dev/null 2>&1; then
    echo "analytical-engine-1843" | curfew user add ada --claim name="Ada Lovelace" --claim email=ada@example.com
fi
