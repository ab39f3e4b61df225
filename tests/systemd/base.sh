#!/bin/sh
# Prints the path of a bare Debian with systemd and Python; made once, whole under its name or not there.
set -eu
packages=systemd-sysv,dbus,udev,python3,python3-venv,python3-systemd,procps,iproute2
cache=${XDG_CACHE_HOME:-$HOME/.cache}/qc-edge-ci
tree=$cache/bookworm-7 # another number for other packages
if [ ! -e "$tree" ]; then
    mkdir -p "$cache"
    made=$cache/.bookworm-7.$$
    debootstrap --variant=minbase --include="$packages" bookworm "$made" >&2
    mv -T "$made" "$tree" 2>/dev/null || rm -rf "$made"
fi
cd "$tree"
pwd
