#!/bin/sh
# Replays the build stage of the Dockerfile into an empty folder, and plays a sign-in and a sign-out with the result
# where the file system is read-only: image.sh <python of the development environment>
#
# This builds no image: that needs a container engine. What it shows is that the commands of the build stage work,
# that what they leave needs nothing else of the checkout, and that it writes to its data folder and /tmp alone.
set -eu
python=$1
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

PATH="$(dirname "$python"):$PATH" UV_SYSTEM_CERTS=true sh -c "$("$python" -m tests.deploy.dockerfile "$place/root")"
# The apps of the stage `demo` need nothing but the provider's environment.
mkdir "$place/apps"
cp -r relying_party_demo "$place/apps"
(cd "$place/apps" && "$place/root/opt/curfew/bin/python" -m relying_party_demo --help >/dev/null)

cp tests/installed/play.py "$place/play.py"

if ! unshare --user --map-root-user --mount true 2>/dev/null; then
    echo "This system does not let users mount: the installation is played on a writable file system." >&2
    cd "$place"
    "$place/root/opt/curfew/bin/python" play.py
    exit
fi
# Everything is read-only in here but two empty folders in memory, which stand for the volume and for /tmp.
unshare --user --map-root-user --mount sh -euc '
    mount --rbind / / && mount --make-rprivate /
    mkdir -p "$1/data" "$1/tmp"
    mount --bind "$1" "$1"
    mount -t tmpfs tmpfs "$1/data" && mount -t tmpfs tmpfs "$1/tmp"
    mount -o remount,bind,ro "$1" && mount -o remount,bind,ro /
    if touch "$1/written" 2>/dev/null; then echo "the file system is not read-only" >&2; exit 1; fi
    cd "$1/data"
    TMPDIR="$1/tmp" PYTHONDONTWRITEBYTECODE=1 "$1/root/opt/curfew/bin/python" ../play.py
' sh "$place"
