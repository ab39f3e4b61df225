#!/usr/bin/env bash
# boot.sh RAW SEED WORK [SECONDS]: boots a copy of the image RAW in qemu, emulated (no KVM), with the files of the directory SEED on a stick
# labelled QC-EDGE, and prints what a watcher inside says, until its station is READY or the time is over. WORK keeps the disk
# (boot again with RAW=WORK/disk.raw), the console and a picture of the screen. The watcher comes by SMBIOS credentials of the
# virtual machine: nothing of it is in the image.
set -euo pipefail
raw=$1 seed=$2 work=$3 limit=${4:-900}
mkdir -p "$work"
disk=$work/disk.raw
[ "$raw" -ef "$disk" ] || cp --sparse=always "$raw" "$disk"
[ -e "$work/vars.fd" ] || cp /usr/share/OVMF/OVMF_VARS_4M.fd "$work/vars.fd"
stick=$work/stick.img
rm -f "$stick" "$work/watcher.img"
truncate -s 16M "$stick"
mke2fs -q -t ext4 -L QC-EDGE -d "$seed" "$stick"
mkdir -p "$work/watcher"
cat >"$work/watcher/watch" <<'EOF'
#!/bin/sh
say() { echo "$(cut -d' ' -f1 /proc/uptime) $*" >/dev/ttyS1; }
say "up: $(. /usr/lib/os-release; echo "$IMAGE_ID $IMAGE_VERSION"), $(findmnt -no FSTYPE,OPTIONS /etc | cut -c1-60), machine $(cat /etc/machine-id)"
end=$(($(cut -d. -f1 /proc/uptime) + LIMIT))
# By its file: a command of its own, again and again, would take an emulated processor to itself.
until grep -Eqs '"ready": ?true' /run/qc-edge/*/status.json; do
    [ "$(cut -d. -f1 /proc/uptime)" -lt "$end" ] || { say "not READY in time"; break; }
    sleep 2
done
say "READY"
qc-edge status line1 >/tmp/status 2>&1
systemctl --failed --plain --no-legend | while read -r line; do say "failed: $line"; done
head -20 /tmp/status | while read -r line; do say "$line"; done
say "$(journalctl -b -o cat -u qc-edge-seed -u qc-edge-health | tail -30)"
say "$(df -h / /var | tail -2)"
say "$(systemd-analyze 2>/dev/null | head -1)"

sleep 20
say "$(qc-edge sql line1 'SELECT verdict, count(*) FROM inspections GROUP BY ALL' 2>&1 | tail -8)"
say done
systemctl poweroff
EOF
sed -i "s/LIMIT/$limit/" "$work/watcher/watch"
chmod +x "$work/watcher/watch"
truncate -s 8M "$work/watcher.img"
mke2fs -q -t ext4 -L qcwatch -d "$work/watcher" "$work/watcher.img"
unit=$(base64 -w0 <<'EOF'
[Unit]
Description=Watcher
[Service]
ExecStartPre=/bin/mkdir -p /run/watch
ExecStartPre=/bin/mount -o ro /dev/disk/by-label/qcwatch /run/watch
ExecStart=/bin/sh /run/watch/watch
EOF
)
wants=$(printf '[Unit]\nWants=qc-watch.service\n' | base64 -w0)
rm -f "$work/watch.log"
qemu-system-x86_64 -accel tcg,thread=multi,tb-size=1024 -cpu max,la57=off -smp 2 -machine q35 -m 3072 -nodefaults -display none -vga std -no-reboot \
    -monitor "unix:$work/monitor,server,nowait" -serial "file:$work/console.log" -serial "file:$work/watch.log" \
    -drive if=pflash,format=raw,unit=0,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd \
    -drive if=pflash,format=raw,unit=1,file="$work/vars.fd" \
    -drive file="$disk",format=raw,if=virtio,cache=none -drive file="$stick",format=raw,if=virtio,readonly=on \
    -drive file="$work/watcher.img",format=raw,if=virtio,readonly=on \
    -smbios type=11,value=io.systemd.credential.binary:systemd.extra-unit.qc-watch.service="$unit" \
    -smbios type=11,value=io.systemd.credential.binary:systemd.unit-dropin.multi-user.target="$wants" \
    -smbios type=11,value=io.systemd.stub.kernel-cmdline-extra=mitigations=off &
qemu=$!
begun=$SECONDS
while kill -0 "$qemu" 2>/dev/null; do
    if grep -q ' done$' "$work/watch.log" 2>/dev/null || [ $((SECONDS - begun)) -gt $((limit + 300)) ]; then
        python3 - "$work" <<'EOF' || true
import socket, sys
with socket.socket(socket.AF_UNIX) as monitor:
    monitor.settimeout(5)
    monitor.connect(f"{sys.argv[1]}/monitor")
    monitor.sendall(f"screendump {sys.argv[1]}/screen.ppm\n".encode())
    monitor.recv(4096)
EOF
        [ $((SECONDS - begun)) -le $((limit + 300)) ] || kill "$qemu"
    fi
    sleep 3
done
cat "$work/watch.log"
echo "the machine was on for $((SECONDS - begun)) s"
grep -q ' done$' "$work/watch.log"
