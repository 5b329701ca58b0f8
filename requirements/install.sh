#!/bin/sh
# Creates the environment and installs one lock file into it: install.sh <environment> <demo|dev>
set -eu
venv=$1
kind=$2

# The first interpreter that is new enough; PYTHON overrides the choice.
find_python() {
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "Curfew needs Python 3.11 or newer; set PYTHON to it (looked at: ${PYTHON:-python3, python})." >&2
    exit 1
}

if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    python=$(find_python)
    echo "Creating $venv with $("$python" --version)"
    # Debian leaves these out of its own Python, and says so in many lines.
    "$python" -c 'import ensurepip, venv' 2>/dev/null || {
        echo "$python cannot create environments (on Debian: apt install python3-venv)." >&2
        exit 1
    }
    rm -rf "$venv"
    "$python" -m venv "$venv" || {
        rm -rf "$venv"
        exit 1
    }
fi

echo "Installing the $kind environment from requirements/$kind.lock"
pip="$venv/bin/python -m pip --disable-pip-version-check --quiet"
# uv is several times faster, but may lack a build for this platform and does not read pip's configuration
# (a mirror, a proxy); pip then does the same.
with_uv() {
    $pip install --only-binary :all: --require-hashes -r requirements/bootstrap.lock &&
        VIRTUAL_ENV="$venv" "$venv/bin/uv" pip install --system-certs --quiet --compile-bytecode --require-hashes -r "requirements/$kind.lock"
}
with_pip() {
    sed '/^uv==/,$d' requirements/bootstrap.lock >"$venv/backend.lock"
    $pip install --require-hashes -r "$venv/backend.lock"
    $pip install --require-hashes -r "requirements/$kind.lock"
}
with_uv || with_pip
$pip install --no-deps --no-build-isolation --no-index --editable . --editable ./kit

touch "$venv/.installed-demo"
# The tests' environment contains the demo's, not the other way round.
[ "$kind" = demo ] || touch "$venv/.installed-dev"
