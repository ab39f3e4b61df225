#!/bin/sh
# get_peers.sh: the OPC UA client that the tests of that output run against (node-opcua, 49 MB), got once.
set -eu
version=2.186.4
cache=${XDG_CACHE_HOME:-$HOME/.cache}/qc-edge-ci
peers=$cache/node-opcua-$version
[ ! -e "$peers" ] || exit 0
made=$cache/.node-opcua.$$
trap 'rm -rf "$made"' EXIT
mkdir -p "$made"
# a registry that does not answer, or hardly, is an error and no endless wait
timeout 300 npm install --fetch-timeout=60000 --fetch-retries=2 --prefix "$made" --no-audit --no-fund --ignore-scripts --loglevel=error "node-opcua-client@$version"
mv -T "$made" "$peers" 2>/dev/null || [ -e "$peers" ]
