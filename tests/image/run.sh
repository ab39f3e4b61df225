#!/usr/bin/env bash
# run.sh PYTHON WORK CUTS: three images from this checkout (one, its successor, one whose model is out of reach), and a
# box's life in qemu with them. Hours; as root, with debootstrap, systemd-container, qemu-system-x86 and ovmf.
set -euo pipefail
cd "$(dirname "$0")/../.."
python=$1 work=$2 cuts=$3
[ "$(id -u)" = 0 ] || { echo "as root: sudo make test-power" >&2 && exit 77; }
mkdir -p "$work"
if [[ ! -d $work/1 || ! -d $work/2 || ! -d $work/3 ]]; then
    deb=$(COMPRESSION="gzip -z1" systemd/deb/build.sh "$python" "$work/deb")
    unit=$work/broken/usr/lib/systemd/system/qc-edge@.service.d
    mkdir -p "$unit"
    printf '[Service]\nInaccessiblePaths=/opt/qc-edge/current/share/qc-edge/models\n' >"$unit/50-no-models.conf"
    for version in 1 2 3; do
        rm -rf "$work/new"
        INCREMENTAL=1 EXTRA_TREE=$([[ $version != 3 ]] || echo "$work/broken") \
            systemd/image/build.sh "$deb" "$work/new" "$version"
        mv -T "$work/new" "$work/$version"
    done
fi
"$python" -m tests.image "$work" first="$work/1" boot update="$work/2" broken="$work/3" cuts="$cuts,1"
