#!/bin/sh
# get_cpppo.sh PYTHON: the simulator of a Logix controller that the tests of EtherNet/IP run against (cpppo, GPL-3.0, a
# program of its own beside the tests, in an environment of its own), got once.
set -eu
version=5.2.5
cache=${XDG_CACHE_HOME:-$HOME/.cache}/qc-edge-ci
made=$cache/cpppo-$version
[ ! -e "$made/.whole" ] || exit 0
mkdir -p "$cache"
exec 9>"$cache/.cpppo.lock" # an environment cannot be moved: one at a time makes it in its place
flock 9
[ ! -e "$made/.whole" ] || exit 0
"$1" -m venv --clear "$made"
"$made/bin/pip" install --quiet --disable-pip-version-check "cpppo==$version"
touch "$made/.whole"
