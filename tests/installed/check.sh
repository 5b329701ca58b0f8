#!/bin/sh
# Builds the wheel, installs it into an empty environment outside the checkout, and plays with it there:
# check.sh <python of the development environment>
set -eu
python=$1
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
# What is not imported here need not be compiled either.
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_QUIET=1 PIP_NO_COMPILE=1

make_environment() {
    "$python" -m venv --without-pip "$place/$1"
}

install_into() {
    environment=$1
    shift
    "$python" -m pip --python "$place/$environment/bin/python" install --constraint "$place/versions.txt" "$@"
}

"$python" -m pip wheel --no-deps --no-build-isolation --no-index --wheel-dir "$place" .
make_environment environment
# What the wheel says that it needs, in the versions that are tested.
sed 's/ *\\$//; /^ *--hash/d; /^ *#/d' requirements/run.lock >"$place/versions.txt"
install_into environment "$place"/curfew_op-*.whl

# The kit for apps, without the server, and with what one app needs.
"$python" -m pip wheel --no-deps --no-build-isolation --no-index --wheel-dir "$place" ./kit
make_environment app
install_into app "$(echo "$place"/curfew_rp-*.whl)[flask]"
cp tests/installed/play_kit.py "$place/play_kit.py"
(cd "$place" && "$place/app/bin/python" play_kit.py)
install_into app "$(echo "$place"/curfew_rp-*.whl)[gate]"
cp tests/installed/play_gate.py "$place/play_gate.py"
(cd "$place" && "$place/app/bin/python" play_gate.py)

cp tests/installed/play.py tests/installed/play_testing.py "$place"
cd "$place"
"$place/environment/bin/python" play.py

# The testing tools beside the provider that they start, as the tests of an app have them.
install_into environment "$(echo "$place"/curfew_rp-*.whl)[flask,testing]"
"$place/environment/bin/python" -m pytest -q -p no:cacheprovider play_testing.py
