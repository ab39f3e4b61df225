#!/bin/sh
# base.sh [SUITE [ARCH]]: prints the path of a tree, made once, whole under its name or not there. Without a SUITE a Debian
# 12 with Python and what the tests look with; a SUITE (bookworm, trixie, jammy, noble) as bare as a box can be that boots.
set -eu
suite=${1:-bookworm} arch=${2:-$(dpkg --print-architecture)}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/qc-edge-ci
if [ $# -eq 0 ]; then
    name=bookworm-7 # another number for other packages
    packages=systemd-sysv,dbus,udev,python3,python3-venv,python3-systemd,procps,iproute2
else
    name=bare-$suite-$arch-1
    packages=systemd-sysv
fi
# Debian has no package of Ubuntu's keys. The tree is thrown away; nothing of it gets into what is built.
unsigned=
case $suite in
jammy | noble) [ -e /usr/share/keyrings/ubuntu-archive-keyring.gpg ] || unsigned=--no-check-gpg ;;
esac
tree=$cache/$name
if [ ! -e "$tree" ]; then
    mkdir -p "$cache"
    made=$cache/.$name.$$
    scripts=$(mktemp -d)
    trap 'rm -rf "$scripts" "$made"' EXIT
    cp -r /usr/share/debootstrap/. "$scripts"
    # all of Ubuntu's are one script, which an older debootstrap does not know by the newer names
    [ -e "$scripts/scripts/noble" ] || ln -s jammy "$scripts/scripts/noble"
    DEBOOTSTRAP_DIR=$scripts debootstrap $unsigned --variant=minbase --arch="$arch" --include="$packages" "$suite" "$made" >&2
    rm -rf "$made"/var/cache/apt/archives/*.deb "$made"/var/lib/apt/lists/*
    mv -T "$made" "$tree" 2>/dev/null || rm -rf "$made"
fi
cd "$tree"
pwd
