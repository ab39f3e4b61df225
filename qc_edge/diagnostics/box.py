"""The box that the stations run on: clock, network, USB, graphics processor, software. Looks
only.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from importlib import metadata, util
from pathlib import Path

from qc_edge.diagnostics.finding import Level, Seen, ok
from qc_edge.diagnostics.host import Host
from qc_edge.engine.tensorrt_variants import FLAVOURS
from qc_edge.service.clock import is_synchronised, kernel_is_synchronised
from qc_edge.settings import CameraSettings
from qc_edge.version import __version__

RMEM_MAX = 33_554_432
"""Bytes; what the installed sysctl drop-in asks for."""

USBFS_MB = 1000
JUMBO = 8192
_BASLER_USB = "2676"
_ETHERNET = 1
_LIBRARIES = ("duckdb", "numpy", "opencv-python-headless", "onnxruntime", "pypylon")
_HOT_GPU_C = 85


def check_clock() -> Iterator[Seen]:
    """Whether something disciplines the wall clock."""
    if is_synchronised():
        yield ok("the wall clock is synchronised")
    elif kernel_is_synchronised() is None:
        yield (
            Level.WARNING,
            "the kernel may not be asked about the clock",
            "look yourself: timedatectl",
        )
    else:
        fix = "set a time server in /etc/systemd/timesyncd.conf, then: timedatectl set-ntp true"
        yield (
            Level.WARNING,
            "the wall clock is not synchronised: rows say so (clock_trusted = false)",
            fix,
        )


def check_network(host: Host, cameras: Sequence[CameraSettings]) -> Iterator[Seen]:
    """What GigE cameras need of the interfaces and the kernel; nothing to say without such a
    camera.
    """
    basler = [camera for camera in cameras if camera.backend == "basler"]
    if not basler:
        yield ok("no camera of this station is on a network")
        return
    mtus = dict(_interfaces(host))
    said = (
        ", ".join(f"{name} MTU {mtu}" for name, mtu in mtus.items())
        or "no Ethernet interface is up"
    )
    wanted = max((camera.packet_size or 0 for camera in basler), default=0)
    usb = any(
        host.read(str(path.relative_to(host.base))) == _BASLER_USB for path in _usb_vendors(host)
    )
    largest = max(mtus.values(), default=0)
    if wanted and largest < wanted:
        fix = f"sudo ip link set dev IFACE mtu {wanted}, and for good in the network's settings"
        yield Level.WARNING, f"{said}; packet_size = {wanted} does not fit", fix
    elif not usb and largest < JUMBO:
        fix = "a GigE camera wants jumbo frames: MTU 9000 on its interface and its switch"
        yield Level.WARNING, said, fix
    else:
        yield ok(said)
    received = host.number("proc/sys/net/core/rmem_max")
    if received is not None and received < RMEM_MAX and not usb:
        fix = "sudo qc-edge install, then: sudo sysctl --system"
        yield Level.WARNING, f"net.core.rmem_max is {received:,}, expected {RMEM_MAX:,}", fix
    elif received is not None:
        yield ok(f"net.core.rmem_max is {received:,}")


def check_usb(host: Host, cameras: Sequence[CameraSettings]) -> Iterator[Seen]:
    """The memory that the kernel gives to all USB transfers together."""
    limit = host.number("sys/module/usbcore/parameters/usbfs_memory_mb")
    if limit is None:
        yield ok("no USB on this box")
    elif 0 < limit < USBFS_MB and any(camera.backend == "basler" for camera in cameras):
        fix = (
            f"sudo qc-edge install, or: echo {USBFS_MB} > "
            "/sys/module/usbcore/parameters/usbfs_memory_mb"
        )
        yield Level.WARNING, f"usbfs_memory_mb is {limit}, a USB3 camera wants {USBFS_MB}", fix
    else:
        yield ok(f"usbfs_memory_mb is {limit}")


def check_gpu(host: Host) -> Iterator[Seen]:
    """The graphics processor, its driver and TensorRT, or that there is none."""
    flavours = [
        f"{each.name} {_version_of(module)}" for each in FLAVOURS if (module := each.module())
    ]
    flavours += [f"pycuda {_version('pycuda')}"] if util.find_spec("pycuda") else []
    said = "TensorRT: " + (", ".join(flavours) or "not installed")
    if host.has("nvidia-smi"):
        asked = host.ask(
            "nvidia-smi", "--query-gpu=name,driver_version,temperature.gpu", "--format=csv,noheader"
        )
        if not asked:
            fix = (
                "the driver and the kernel do not fit together: reboot; else install the driver "
                "again"
            )
            yield Level.WARNING, "nvidia-smi is there, but no GPU answers", fix
            return
        for line in asked.strip().splitlines():
            name, driver, degrees = (*map(str.strip, line.split(",")), "", "")[:3]
            about = f"{name}, driver {driver}, {degrees} °C; {said}"
            hot = degrees.isdecimal() and int(degrees) >= _HOT_GPU_C
            yield (
                (Level.WARNING, about, "clean its fans and the box's filters") if hot else ok(about)
            )
    elif release := host.read("etc/nv_tegra_release"):
        yield ok(f"Jetson: {release.splitlines()[0].lstrip('# ').split(', GCID')[0]}; {said}")
    else:
        yield ok("a CPU station: no NVIDIA GPU")


def check_software() -> Iterator[Seen]:
    """What computes here; nothing of it is a fault."""
    libraries = ", ".join(f"{name} {_version(name)}" for name in _LIBRARIES if _version(name))
    yield ok(
        f"qc-edge {__version__}, Python {platform.python_version()}, {libraries}, "
        f"{platform.machine()}"
    )


def _interfaces(host: Host) -> Iterator[tuple[str, int]]:
    """Ethernet interfaces that are up, with their MTU."""
    for path in host.matching("sys/class/net/*"):
        where = str(path.relative_to(host.base))
        kind, mtu = host.number(f"{where}/type"), host.number(f"{where}/mtu")
        if (
            kind == _ETHERNET
            and mtu
            and (path / "device").exists()
            and host.read(f"{where}/operstate") == "up"
        ):
            yield path.name, mtu


def _usb_vendors(host: Host) -> Iterator[Path]:
    yield from host.matching("sys/bus/usb/devices/*/idVendor")


def _version_of(module: str) -> str:
    """The version of the package that brings this module; its name may be another."""
    packages = metadata.packages_distributions().get(module, [module])
    return next(filter(None, map(_version, packages)), "of unknown version")


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
