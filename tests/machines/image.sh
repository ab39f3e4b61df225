#!/bin/sh
# Prints the directory of what a machine boots from: vmlinuz, initrd and root.img, a Debian with the kernel's own NFS and
# SMB, Samba, and what a station needs. Made once, whole under its name or not there. PYTHON is the first argument.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
packages=python3,socat,nfs-kernel-server,nfs-common,samba,cifs-utils,kmod,iproute2,procps,busybox-static
cache=${XDG_CACHE_HOME:-$HOME/.cache}/qc-edge-ci
locked=$here/../../systemd/requirements/station.txt
ready=$cache/machines-$(cat "$0" "$locked" | sha256sum | cut -c1-12)
if [ ! -e "$ready" ]; then
    mkdir -p "$cache"
    made=$(mktemp -d "$cache/.machines.XXXXXX")
    trap 'rm -rf "$made"' EXIT
    tree=$made/tree
    debootstrap --variant=minbase --include="$packages" bookworm "$tree" >&2

    # Unpacked alone: installed, the package would make an initrd of its own.
    name=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/ *Depends: \(linux-image-[0-9].*\)/\1/p')
    (cd "$made" && apt-get download -q "$name" >&2 && dpkg-deb -x linux-image-*.deb kernel)
    cp -a "$made/kernel/lib/modules" "$tree/usr/lib/"
    version=$(ls "$tree/usr/lib/modules")
    chroot "$tree" depmod "$version"

    "$1" -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes --only-binary=:all: \
        --python-version 3.11 --platform manylinux_2_31_x86_64 --platform manylinux_2_28_x86_64 --platform manylinux_2_17_x86_64 \
        --platform manylinux2014_x86_64 --target "$tree/opt/qc-edge" -r "$locked" >&2
    chroot "$tree" python3 -m compileall -q /opt/qc-edge /usr/lib/python3.11 >&2 || true
    rm -rf "$tree/var/cache/apt/archives" "$tree/usr/share/doc" "$tree/usr/share/man" "$tree/usr/share/locale"
    mkdir -p "$tree/data" "$tree/source"
    cat >"$tree/sbin/machine-init" <<'FIRST'
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t ext4 -o ro,noload /dev/vdc /source
exec /bin/sh /source/tests/machines/init
FIRST
    chmod 755 "$tree/sbin/machine-init"
    echo "qc-edge:x:990:990::/nonexistent:/bin/sh" >>"$tree/etc/passwd"
    echo "qc-edge:x:990:" >>"$tree/etc/group"

    # As much as finds the root: a disk under a layer in memory, so that one image serves all machines.
    initrd=$made/initrd-tree
    mkdir -p "$initrd/bin" "$initrd/modules" "$initrd/proc" "$initrd/dev" "$initrd/low" "$initrd/top" "$initrd/root"
    cp "$tree/bin/busybox" "$initrd/bin/"
    for module in virtio_pci virtio_blk overlay; do
        chroot "$tree" modprobe --show-depends --set-version "$version" "$module" | sed -n 's/^insmod \([^ ]*\).*/\1/p'
    done | awk '!seen[$0]++' | while read -r module; do
        cp "$tree$module" "$initrd/modules/"
        basename "$module" >>"$initrd/modules/order"
    done
    cat >"$initrd/init" <<'INIT'
#!/bin/busybox sh
busybox mount -t proc proc /proc
busybox mount -t devtmpfs dev /dev
while read -r module; do busybox insmod /modules/$module; done </modules/order
until busybox mount -t ext4 -o ro,noload /dev/vda /low 2>/dev/null; do :; done
busybox mount -t tmpfs -o size=300m top /top
busybox mkdir /top/changes /top/work
busybox mount -t overlay -o lowerdir=/low,upperdir=/top/changes,workdir=/top/work root /root
busybox mount --move /dev /root/dev
busybox umount /proc
exec busybox switch_root /root /sbin/machine-init
INIT
    chmod 755 "$initrd/init"
    mkdir "$made/ready"
    (cd "$initrd" && find . | "$tree/bin/busybox" cpio -o -H newc | gzip -1) >"$made/ready/initrd" 2>/dev/null
    cp "$made/kernel/boot/vmlinuz-$version" "$made/ready/vmlinuz"
    size=$(du -sm "$tree" | cut -f1)
    mke2fs -q -t ext4 -O ^has_journal -m 0 -d "$tree" "$made/ready/root.img" "$((size * 5 / 4 + 64))m" >&2
    mv -T "$made/ready" "$ready" 2>/dev/null || [ -e "$ready" ]
fi
echo "$ready"
