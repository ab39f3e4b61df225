#!/usr/bin/env bash
# build.sh PYTHON DIST: qc-edge_VERSION_ARCH.deb in DIST, for boxes whose python3 is the same 3.x as PYTHON's.
# All wheels are inside, exactly those of systemd/requirements/station.txt; the box makes its virtual environment from
# them without a network.
#   ARCH=arm64     another architecture (the wheels come from the index, nothing is compiled)
#   REVISION=2     the same software packaged again
set -euo pipefail
cd "$(dirname "$0")/../.."
here=systemd/deb locks=systemd/requirements python=$1 dist=$2
arch=${ARCH:-$(dpkg --print-architecture)} revision=${REVISION:-1}

case $arch in
amd64) machine=x86_64 ;;
arm64) machine=aarch64 ;;
*) echo "no wheels for $arch: expected amd64 or arm64" >&2 && exit 64 ;;
esac
minor=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
next=$("$python" -c 'import sys; print("%d.%d" % (sys.version_info[0], sys.version_info[1] + 1))')
upstream=$("$python" -c 'import runpy; print(runpy.run_path("qc_edge/version.py")["__version__"])')
version=$(sed -E 's/(a|b|rc|\.dev)([0-9]+)$/~\1\2/' <<<"$upstream")-$revision+py$minor

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root wheels=$work/root/usr/share/qc-edge/wheels
install -d "$wheels" "$root"/{DEBIAN,etc/qc-edge,usr/bin,usr/lib,lib/systemd/system,lib/udev} \
    "$root"/usr/share/{doc/qc-edge,lintian/overrides,qc-edge/systemd}

# The product's wheel, from a copy of the sources: no build output of this tree gets in.
mkdir "$work/source"
tar -c --exclude=__pycache__ setup.cfg pyproject.toml README.md LICENSE qc_edge models calibration systemd |
    tar -x -C "$work/source"
pip=("$python" -m pip --disable-pip-version-check --quiet --quiet)
"${pip[@]}" install --require-hashes --only-binary=:all: --target "$work/backend" -r $locks/build.txt
PYTHONPATH=$work/backend "${pip[@]}" wheel --no-deps --no-build-isolation --wheel-dir "$wheels" "$work/source"
platforms=()
for tag in 2_17 2_24 2_26 2_27 2_28 2_31; do platforms+=(--platform "manylinux_${tag}_$machine"); done
# pip judges the markers of requirements by the Python that it runs on: hence PYTHON, never --python-version alone; by
# its machine, too, and therefore nothing in the lock of a station depends on that (tests/quality/test_package.py).
"${pip[@]}" download --require-hashes --no-deps --only-binary=:all: --implementation cp --python-version "$minor" \
    "${platforms[@]}" --platform "manylinux2014_$machine" --dest "$wheels" -r $locks/station.txt

cp systemd/system/* "$root/lib/systemd/system/"
cp -r systemd/rules.d "$root/lib/udev/"
cp -r systemd/sysusers.d systemd/tmpfiles.d systemd/sysctl.d "$root/usr/lib/"
install -d "$root/lib/systemd/journald.conf.d"
cp systemd/journald.conf.d/* "$root/lib/systemd/journald.conf.d/"
cp -r systemd/system-* "$root/usr/share/qc-edge/systemd/"
ln -s /opt/qc-edge/current/bin/qc-edge "$root/usr/bin/qc-edge"

cp "$here/copyright" "$root/usr/share/doc/qc-edge/"
{
    echo "qc-edge ($version) stable; urgency=medium"
    echo
    echo "  * See /usr/share/qc-edge/CHANGES.md."
    echo
    echo " -- The qc-edge developers <qc-edge@localhost>  $(date --utc --rfc-email --date="@${SOURCE_DATE_EPOCH:-$(date +%s)}")"
} | gzip -9n >"$root/usr/share/doc/qc-edge/changelog.Debian.gz"
cp CHANGES.md "$root/usr/share/qc-edge/"
cp "$here/lintian-overrides" "$root/usr/share/lintian/overrides/qc-edge"

size=$(du -sk --exclude=DEBIAN "$root" | cut -f1)
sed -e "s/@VERSION@/$version/; s/@ARCH@/$arch/; s/@SIZE@/$size/; s/@PYTHON@/$minor/; s/@NEXT@/$next/" \
    "$here/control" >"$root/DEBIAN/control"
for script in postinst prerm postrm; do
    sed "s/@VERSION@/$version/" "$here/$script" >"$root/DEBIAN/$script"
    chmod 755 "$root/DEBIAN/$script"
done
(cd "$root" && find usr lib -type f -print0 | sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
chmod -R u=rwX,go=rX "$root/usr" "$root/lib" "$root/etc"

mkdir -p "$dist"
# wheels are zip files: compressing them again costs time and gains nothing
dpkg-deb --root-owner-group -Zgzip -z1 --build "$root" "$dist/qc-edge_${version}_$arch.deb" >/dev/null
echo "$dist/qc-edge_${version}_$arch.deb"
