#!/usr/bin/env bash
# build.sh DEB DIST [VERSION]: a device image qc-edge_VERSION.raw in DIST, with its update pieces and its bill of materials. As root,
# with debootstrap and systemd-container. mkosi runs in a Debian 13 of its own, made once under the cache: no loop
# device, no kernel module of this machine is needed.
#   DEBIAN_MIRROR=URL   where Debian's packages are
#   BUILDER=DIR         the builder's tree, if not in the cache
#   INCREMENTAL=1       Debian's part as the build before has kept it, if there was one: for a trial, not for a release
#   EXTRA_TREE=DIR      files of yours that are laid over the image: a driver's settings, a site's certificate
set -euo pipefail
deb=$(realpath "$1") dist=$(realpath -m "$2") version=${3:-}
here=$(realpath "$(dirname "$0")")
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
security=${mirror%/debian}/debian-security
cache=${XDG_CACHE_HOME:-$HOME/.cache}/qc-edge-image
builder=${BUILDER:-$cache/builder-trixie-1}
[ "$(id -u)" = 0 ] || { echo "the image is built as root: sudo make image" >&2 && exit 77; }
version=${version:-$(dpkg-deb --field "$deb" Version | tr '~+-' '...')}

if [[ ! -d $builder ]]; then
    mkdir -p "$cache"
    rm -rf "$builder.new"
    debootstrap --variant=minbase --include=ca-certificates,python3 trixie "$builder.new" "$mirror" >&2
    cp -L /etc/ssl/certs/ca-certificates.crt "$builder.new/etc/ssl/certs/"
    chroot "$builder.new" apt-get update >&2
    chroot "$builder.new" apt-get install -y --no-install-recommends mkosi systemd-sysv sbsigntool cryptsetup-bin >&2
    mv -T "$builder.new" "$builder"
fi

work=$(mktemp -d "${TMPDIR:-/var/tmp}/qc-edge-image.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/payload" "$work/extra" "$dist"
[[ -z ${EXTRA_TREE:-} ]] || cp -a "$EXTRA_TREE/." "$work/extra/"
cp -r "$here" "$work/image"
cp "$deb" "$work/payload/qc-edge.deb"
# A file of this name: else mkosi adds the archive of debug symbols, and leaves the security updates out.
mkdir -p "$work/image/mkosi.sandbox/etc/apt/sources.list.d"
for suites in "$mirror trixie trixie-updates" "$security trixie-security"; do
    read -r uri names <<<"$suites"
    printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n\n' "$uri" "$names"
done >"$work/image/mkosi.sandbox/etc/apt/sources.list.d/mkosi.sources"

[[ -z ${INCREMENTAL:-} ]] || mkdir -p "$builder/var/cache/mkosi-incremental"
systemd-nspawn -q --register=no --keep-unit --pipe -D "$builder" --capability=all --bind="$work:/build" \
    --tmpfs=/var/tmp:size=12G --chdir=/build/image \
    mkosi --image-version="$version" --mirror="$mirror" --extra-tree=/build/payload:/payload --extra-tree=/build/extra:/ \
    ${INCREMENTAL:+--incremental=yes --cache-directory=/var/cache/mkosi-incremental} \
    --output-directory=/build/out --source-date-epoch="${SOURCE_DATE_EPOCH:-1}" --seed=9d3bfc9a-5d7c-4fbd-9c5b-4a0d6d5a27f1 \
    -f build </dev/null >&2
"$here/trim.py" "$work"/out/qc-edge_"$version".root.*.raw "$work"/out/qc-edge_"$version".verity.*.raw
find "$work/out" -maxdepth 1 -type f -exec mv -f -t "$dist" {} +
rm -f "$dist/qc-edge_$version.esp.raw" "$dist/qc-edge_$version.sha256" # the first is inside of the raw
(cd "$dist" && sha256sum "qc-edge_$version".* >"qc-edge_$version.sha256")
echo "$dist/qc-edge_$version.raw"
