#!/bin/sh
# get_ansible.sh PYTHON: prints a directory with ansible-playbook, got once (30 MB, two seconds): the tests of the role.
set -eu
version=2
cache=${XDG_CACHE_HOME:-$HOME/.cache}/qc-edge-ci
environment=$cache/ansible-$version
if [ ! -e "$environment" ]; then
    mkdir -p "$cache"
    made=$cache/.ansible.$$
    trap 'rm -rf "$made"' EXIT
    uv=$("$(dirname "$0")/../../systemd/deb/tools.sh" "$1")/bin/uv
    "$uv" --quiet venv --no-project --python "$1" --relocatable "$made" >&2
    "$uv" --quiet pip install --python "$made/bin/python" 'ansible-core>=2.14,<3' >&2
    mv -T "$made" "$environment" 2>/dev/null || [ -e "$environment" ]
fi
echo "$environment/bin"
