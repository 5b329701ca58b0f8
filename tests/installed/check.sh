#!/bin/sh
# Builds the wheel, installs it into an empty environment outside the checkout, and plays with it there:
# check.sh <python of the development environment>
set -eu
python=$1
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_QUIET=1

"$python" -m pip wheel --no-deps --no-build-isolation --no-index --wheel-dir "$place" .
"$python" -m venv "$place/environment"
# What the wheel says that it needs, in the versions that are tested.
sed 's/ *\\$//; /^ *--hash/d; /^ *#/d' requirements/run.lock >"$place/versions.txt"
"$place/environment/bin/python" -m pip install --constraint "$place/versions.txt" "$place"/curfew_op-*.whl

# The kit for apps, without the server, and with what one app needs.
"$python" -m pip wheel --no-deps --no-build-isolation --no-index --wheel-dir "$place" ./kit
"$python" -m venv "$place/app"
"$place/app/bin/python" -m pip install --constraint "$place/versions.txt" "$(echo "$place"/curfew_rp-*.whl)[flask]"
cp tests/installed/play_kit.py "$place/play_kit.py"
(cd "$place" && "$place/app/bin/python" play_kit.py)
"$place/app/bin/python" -m pip install --constraint "$place/versions.txt" "$(echo "$place"/curfew_rp-*.whl)[gate]"
cp tests/installed/play_gate.py "$place/play_gate.py"
(cd "$place" && "$place/app/bin/python" play_gate.py)

cp tests/installed/play.py tests/installed/play_testing.py "$place"
cd "$place"
"$place/environment/bin/python" play.py

# The testing tools beside the provider that they start, as the tests of an app have them.
"$place/environment/bin/python" -m pip install --constraint "$place/versions.txt" \
    "$(echo "$place"/curfew_rp-*.whl)[flask,testing]"
"$place/environment/bin/python" -m pytest -q -p no:cacheprovider play_testing.py
