"""Checks of the box that the stations run on: clock, network, USB, graphics processor, software."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from importlib import metadata, util

from qc_edge.diagnostics.finding import Finding, ok, warning
from qc_edge.diagnostics.host import Host
from qc_edge.engine.tensorrt_variants import VARIANTS
from qc_edge.service.synchronisation import is_synchronised, kernel_is_synchronised
from qc_edge.settings import CameraSettings
from qc_edge.version import __version__

SOCKET_BUFFER_BYTES = 33_554_432
"""net.core.rmem_max as systemd/sysctl.d/60-qc-edge.conf sets it: a GigE frame of 5 MP arrives in a
burst of a few thousand packets, and what the socket cannot hold is lost.
"""

USB_MEMORY_MB = 1000
"""As systemd/tmpfiles.d sets it; the kernel's 16 MB are less than a few frames of one camera."""

JUMBO_MTU = 8192
_BASLER_USB_VENDOR = "2676"
_ARPHRD_ETHER = 1  # linux/if_arp.h
_LIBRARIES = ("duckdb", "numpy", "opencv-python-headless", "onnxruntime", "pypylon")
_HOT_GPU_C = 85


def check_clock() -> Iterator[Finding]:
    """Whether something disciplines the wall clock."""
    # In a container the kernel may refuse adjtimex(2); then there is no answer to report.
    if is_synchronised():
        yield ok("the wall clock is synchronised")
    elif kernel_is_synchronised() is None:
        yield warning(
            "the kernel may not be asked about the clock",
            "look yourself: timedatectl",
        )
    else:
        yield warning(
            "the wall clock is not synchronised: rows say so (clock_trusted = false)",
            "set a time server in /etc/systemd/timesyncd.conf, then: timedatectl set-ntp true",
        )


def check_network(host: Host, cameras: Sequence[CameraSettings]) -> Iterator[Finding]:
    """What GigE cameras need of the interfaces and the kernel; no demands without such a camera."""
    basler = [camera for camera in cameras if camera.backend == "basler"]
    if not basler:
        yield ok("no camera of this station is on a network")
        return
    # The settings do not say whether a Basler camera is USB or GigE: one on the USB is taken for
    # the station's, and then nothing is asked of the network.
    has_usb_camera = any(
        host.read(str(path.relative_to(host.base))) == _BASLER_USB_VENDOR
        for path in host.matching("sys/bus/usb/devices/*/idVendor")
    )
    packet_size = max((camera.packet_size or 0 for camera in basler), default=0)
    yield _packet_size(dict(_ethernet_mtus(host)), packet_size, has_usb_camera)
    buffer = host.number("proc/sys/net/core/rmem_max")
    if buffer is not None and buffer < SOCKET_BUFFER_BYTES and not has_usb_camera:
        yield warning(
            f"net.core.rmem_max is {buffer:,}, expected {SOCKET_BUFFER_BYTES:,}",
            "sudo qc-edge install, then: sudo sysctl --system",
        )
    elif buffer is not None:
        yield ok(f"net.core.rmem_max is {buffer:,}")


def check_usb(host: Host, cameras: Sequence[CameraSettings]) -> Iterator[Finding]:
    """The memory that the kernel gives to all USB transfers together."""
    limit = host.number("sys/module/usbcore/parameters/usbfs_memory_mb")
    if limit is None:
        yield ok("no USB on this box")
    # 0 means no limit.
    elif 0 < limit < USB_MEMORY_MB and any(camera.backend == "basler" for camera in cameras):
        yield warning(
            f"usbfs_memory_mb is {limit}, a USB3 camera wants {USB_MEMORY_MB}",
            f"sudo qc-edge install, or: echo {USB_MEMORY_MB} > "
            "/sys/module/usbcore/parameters/usbfs_memory_mb",
        )
    else:
        yield ok(f"usbfs_memory_mb is {limit}")


def check_gpu(host: Host) -> Iterator[Finding]:
    """The graphics processor, its driver and TensorRT, or that there is none."""
    libraries = _gpu_libraries()
    if host.has("nvidia-smi"):
        answer = host.ask(
            "nvidia-smi", "--query-gpu=name,driver_version,temperature.gpu", "--format=csv,noheader"
        )
        # It fails so after an update of the driver until the new kernel module is loaded.
        if not answer:
            yield warning(
                "nvidia-smi is there, but no GPU answers",
                "the driver and the kernel do not fit together: reboot; else install the driver "
                "again",
            )
            return
        for line in answer.strip().splitlines():
            yield _gpu(line, libraries)
    # On a Jetson this file names the L4T release.
    elif release := host.read("etc/nv_tegra_release"):
        yield ok(f"Jetson: {release.splitlines()[0].lstrip('# ').split(', GCID')[0]}; {libraries}")
    else:
        yield ok("a CPU station: no NVIDIA GPU")


def check_software() -> Iterator[Finding]:
    """The versions of what computes here; none of them is a fault."""
    libraries = ", ".join(f"{name} {_version(name)}" for name in _LIBRARIES if _version(name))
    yield ok(
        f"qc-edge {__version__}, Python {platform.python_version()}, {libraries}, "
        f"{platform.machine()}"
    )


def _packet_size(mtus: dict[str, int], packet_size: int, has_usb_camera: bool) -> Finding:
    """Whether the camera's packets fit the widest interface, and whether that has jumbo frames."""
    interfaces = ", ".join(f"{name} MTU {mtu}" for name, mtu in mtus.items())
    interfaces = interfaces or "no Ethernet interface is up"
    largest = max(mtus.values(), default=0)
    if packet_size and largest < packet_size:
        return warning(
            f"{interfaces}; packet_size = {packet_size} does not fit",
            f"sudo ip link set dev IFACE mtu {packet_size}, and for good in the network's settings",
        )
    if not has_usb_camera and largest < JUMBO_MTU:
        return warning(
            interfaces, "a GigE camera wants jumbo frames: MTU 9000 on its interface and its switch"
        )
    return ok(interfaces)


def _ethernet_mtus(host: Host) -> Iterator[tuple[str, int]]:
    """Ethernet interfaces that are up, with their MTU; a bridge or a tunnel has no `device`."""
    for path in host.matching("sys/class/net/*"):
        directory = str(path.relative_to(host.base))
        kind, mtu = host.number(f"{directory}/type"), host.number(f"{directory}/mtu")
        is_up = host.read(f"{directory}/operstate") == "up"
        if kind == _ARPHRD_ETHER and mtu and (path / "device").exists() and is_up:
            yield path.name, mtu


def _gpu(line: str, libraries: str) -> Finding:
    """One line of nvidia-smi's answer: name, driver, degrees."""
    name, driver, degrees = (*map(str.strip, line.split(",")), "", "")[:3]
    message = f"{name}, driver {driver}, {degrees} °C; {libraries}"
    if degrees.isdecimal() and int(degrees) >= _HOT_GPU_C:
        return warning(message, "clean its fans and the box's filters")
    return ok(message)


def _gpu_libraries() -> str:
    versions = [
        f"{variant.name} {_module_version(module)}"
        for variant in VARIANTS
        if (module := variant.module())
    ]
    versions += [f"pycuda {_version('pycuda')}"] if util.find_spec("pycuda") else []
    return "TensorRT: " + (", ".join(versions) or "not installed")


def _module_version(module: str) -> str:
    """The version of the package that brings this module; its name may be another."""
    packages = metadata.packages_distributions().get(module, [module])
    return next(filter(None, map(_version, packages)), "of unknown version")


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
