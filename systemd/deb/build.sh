#!/usr/bin/env bash
# build.sh PYTHON DIST: qc-edge_VERSION_ARCH.deb in DIST. PYTHON (any that qc-edge runs on) only runs the tools.
# The package has a Python of its own and everything that a station needs, unpacked, exactly the versions of
# systemd/requirements/station.txt and gpu.txt. It needs nothing but the C library and systemd of Debian 12, Ubuntu 22.04
# or newer.
#   ARCH=arm64         another architecture (nothing of it is run here)
#   BOX_PYTHON=3.10    no Python of its own: for a JetPack 6, whose TensorRT is a module of Ubuntu's Python 3.10; wants
#                      a python3.10 here, for its headers
#   REVISION=2         the same software packaged again
#   COMPRESSION='gzip -z1'   quickly packed, for a trial; 'xz -z6' unless given
#   DEBIAN_MIRROR=URL  where Debian's packages are, if not where this machine's apt gets its own
set -euo pipefail
shopt -s extglob globstar nullglob
cd "$(dirname "$0")/../.."
here=systemd/deb locks=systemd/requirements python=$1 dist=$2
native=$(dpkg --print-architecture)
arch=${ARCH:-$native} revision=${REVISION:-1} box_python=${BOX_PYTHON:-}

case $arch in
amd64) machine=x86_64 ;;
arm64) machine=aarch64 ;;
*) echo "no wheels for $arch: expected amd64 or arm64" >&2 && exit 64 ;;
esac
upstream=$("$python" -c 'import runpy; print(runpy.run_path("qc_edge/version.py")["__version__"])')
version=$(sed -E 's/(a|b|rc|\.dev)([0-9]+)$/~\1\2/' <<<"$upstream")-$revision${box_python:++py$box_python}

# One date for all that is packed: two packages of one commit are the same bits. Without a repository, as in a tarball, it is now.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

tools=$($here/tools.sh "$python")
export PYTHONPATH=$tools PATH=$tools/bin:$PATH

root=$work/root environment=$work/root/usr/lib/qc-edge/environment
install -d "$environment"/{bin,lib,share/doc} "$root"/{DEBIAN,etc/qc-edge,usr/bin,lib/systemd/system,lib/udev} \
    "$root"/usr/share/{doc/qc-edge,lintian/overrides,man/man1,qc-edge/systemd}

# The interpreter. One that this machine can run compiles the modules, whatever the package is for.
if [[ -z $box_python ]]; then
    minor=3.11 headers=$environment/include/python3.11 site=$environment/lib/python3/dist-packages
    $here/python.sh "$arch" "$environment"
    compiler=$environment
    if [[ $arch != "$native" ]]; then
        compiler=$work/native
        $here/python.sh "$native" "$compiler"
    fi
else
    minor=$box_python headers=$("python$box_python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
    site=$environment/lib/python$box_python/site-packages
    printf 'home = /usr/bin\ninclude-system-site-packages = true\n' >"$environment/pyvenv.cfg"
    ln -s "/usr/bin/python$box_python" "$environment/bin/python"
fi
mkdir -p "$site"
# What is put there by hand, or by a package of its own, stays over upgrades: TensorRT.
printf '%s\n' /usr/lib/qc-edge/modules /opt/qc-edge/modules >"$site/qc-edge-modules.pth"

# The packages that it runs on, then the product, from a copy of the sources: no build output of this tree gets in.
uv_install() {
    uv --quiet pip install --python "$python" --target "$site" --python-version "$minor" \
        --python-platform "$machine-manylinux_2_31" --no-deps --link-mode copy "$@"
}
uv_install --require-hashes --only-binary :all: -r $locks/station.txt -r $locks/gpu.txt
$here/pycuda.sh "$arch" "$minor" "$headers" "$site"
rm -rf "$environment/include"
mkdir "$work/source"
tar -c --exclude=__pycache__ setup.cfg pyproject.toml README.md LICENSE qc_edge models calibration systemd |
    tar -x -C "$work/source"
"$python" -m pip --disable-pip-version-check --quiet --quiet wheel --no-deps --no-build-isolation \
    --wheel-dir "$work/wheel" "$work/source"
uv_install "$work"/wheel/*.whl
mv "$site/share/qc-edge" "$environment/share/"
(
    cd "$site"
    while IFS= read -r pattern; do
        [[ $pattern == '#'* || -z $pattern ]] || rm -rf -- $pattern
    done
) <"$here/left-out"
find "$environment" -name __pycache__ -prune -exec rm -rf {} +
install -m 755 "$here/launcher" "$environment/bin/qc-edge"
# A station cannot write where its software lies. Without a look at the source's time: dpkg and cp change it.
if [[ -z $box_python ]]; then
    "$compiler/bin/python3.11" -m compileall -q -j 0 --invalidation-mode unchecked-hash -s "$environment" \
        -p /opt/qc-edge/current "$environment/lib"
fi

cp systemd/system/* "$root/lib/systemd/system/"
cp -r systemd/rules.d "$root/lib/udev/"
cp -r systemd/sysusers.d systemd/tmpfiles.d systemd/sysctl.d systemd/modprobe.d "$root/usr/lib/"
install -d "$root/lib/systemd/journald.conf.d"
cp systemd/journald.conf.d/* "$root/lib/systemd/journald.conf.d/"
cp -r systemd/system-* "$root/usr/share/qc-edge/systemd/"
ln -s /opt/qc-edge/current/bin/qc-edge "$root/usr/bin/qc-edge"

# The guides, the manual and what a shell completes.
cp -r README.md docs/*.md docs/*.yml docs/decisions docs/reference docs/images docs/grafana "$root/usr/share/doc/qc-edge/"
gzip -9nc CHANGES.md >"$root/usr/share/doc/qc-edge/changelog.gz"
"$python" $here/manual.py docs/reference/commands.md "$upstream" | gzip -9n >"$root/usr/share/man/man1/qc-edge.1.gz"
install -D -m 644 $here/completions/qc-edge.bash "$root/usr/share/bash-completion/completions/qc-edge"
install -D -m 644 $here/completions/qc-edge.zsh "$root/usr/share/zsh/vendor-completions/_qc-edge"
install -D -m 644 $here/completions/qc-edge.fish "$root/usr/share/fish/vendor_completions.d/qc-edge.fish"
cp $here/copyright "$root/usr/share/doc/qc-edge/"
{
    echo "qc-edge ($version) stable; urgency=medium"
    echo
    echo "  * See changelog.gz."
    echo
    echo " -- The qc-edge developers <qc-edge@localhost>  $(date --utc --rfc-email --date="@$SOURCE_DATE_EPOCH")"
} | gzip -9n >"$root/usr/share/doc/qc-edge/changelog.Debian.gz"
cp $here/lintian-overrides "$root/usr/share/lintian/overrides/qc-edge"

# As dpkg-gencontrol counts: du's figure is that of this machine's file system.
size=$(find "$root" -path "$root/DEBIAN" -prune -o -printf '%y %s\n' |
    awk '{ sum += $1 == "f" ? int(($2 + 1023) / 1024) : 1 } END { print sum }')
depends="libc6 (>= 2.35), libgcc-s1, libstdc++6, systemd (>= 249)"
[[ -z $box_python ]] || depends+=", python$box_python, python3-systemd"
sed -e "s/@VERSION@/$version/; s/@ARCH@/$arch/; s/@SIZE@/$size/; s/@DEPENDS@/$depends/" \
    "$here/control" >"$root/DEBIAN/control"
for script in postinst prerm postrm; do
    sed "s/@VERSION@/$version/" "$here/$script" >"$root/DEBIAN/$script"
    chmod 755 "$root/DEBIAN/$script"
done
(cd "$root" && find usr lib -type f -print0 | sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
find "$environment/lib" "$environment/share" -type f -exec chmod 644 {} +
chmod -R u=rwX,go=rX "$root/usr" "$root/lib" "$root/etc"

mkdir -p "$dist"
# Not zstd, which Debian 12 reads but no Debian's archive takes.
read -ra compression <<<"-Z${COMPRESSION:-xz -z6}"
dpkg-deb --root-owner-group "${compression[@]}" --build "$root" "$dist/qc-edge_${version}_$arch.deb" >/dev/null
echo "$dist/qc-edge_${version}_$arch.deb"
