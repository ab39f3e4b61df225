"""From a spooled file to the model's input: read, verify, gate, prepare. Several at once, in
threads.
"""

from __future__ import annotations

import re
import time
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone

from qc_edge.domain.calibration import Calibration
from qc_edge.domain.frame import Frame, frame_id_micros
from qc_edge.domain.verdict import Reason
from qc_edge.engine import Prepared
from qc_edge.inspection.sidecar import Sidecar, parse_sidecar
from qc_edge.recipe.rules import INCOMING, Rules
from qc_edge.store.spool import Spool
from qc_edge.store.spooled_file import SpooledFile
from qc_edge.vision import UnreadableFrameError, pnm, prepare
from qc_edge.vision.gates import GateFigures, check_gates
from qc_edge.vision.image import Image, decode, pixels_sha256

_UNFINISHED = {
    Reason.EMPTY_FILE,
    Reason.TORN_FILE,
    Reason.NOT_AN_IMAGE,
    Reason.UNREADABLE,
    Reason.BAD_SIDECAR,
}


@dataclass(slots=True)
class Candidate:
    """A frame on its way: what is known of it so far. Filled by one thread after the other.

    `refusal` is the reason and the words if the frame must not reach the model. `prepared` is
    H x W uint8. `times_ms` holds the milliseconds of each step.
    """

    waiting: SpooledFile
    rules: Rules
    frame: Frame
    calibration: Calibration
    preprocess_id: str
    part_source: str | None = None
    data: bytes | None = None
    image: Image | None = None
    figures: GateFigures | None = None
    prepared: Prepared | None = None
    prepared_sha256: str | None = None
    refusal: tuple[Reason, str] | None = None
    vanished: bool = False
    may_be_unfinished: bool = False
    times_ms: dict[str, float] = field(default_factory=dict)


class Preparer:
    """Stateless but for the spool; safe from any thread."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool

    def prepare(self, waiting: SpooledFile, rules: Rules) -> Candidate:
        """Everything before the model. Faults of the frame are in `refusal`, never raised."""
        begun = time.perf_counter()
        found = self._candidate(waiting, rules)
        try:
            self._read(found)
        except UnreadableFrameError as fault:
            found.refusal = (fault.reason, fault.detail)
            found.may_be_unfinished = fault.reason in _UNFINISHED and self._is_young(found)
        except FileNotFoundError:
            found.vanished = True
            found.refusal = (
                Reason.VANISHED,
                "the file has left the spool without having been inspected",
            )
        found.times_ms["read"] = (time.perf_counter() - begun) * 1e3
        if found.image is not None and found.refusal is None:
            self._gate_and_prepare(found, found.image)
        return found

    def refuse(
        self, waiting: SpooledFile, rules: Rules, reason: Reason, detail: str
    ) -> Future[Candidate]:
        """A candidate that is refused without a look at its file, as if it had been prepared."""
        found = self._candidate(waiting, rules)
        found.refusal = (reason, detail)
        done: Future[Candidate] = Future()
        done.set_result(found)
        return done

    def _candidate(self, waiting: SpooledFile, rules: Rules) -> Candidate:
        micros = frame_id_micros(waiting.frame_id)
        frame = Frame(
            frame_id=waiting.frame_id,
            camera=waiting.frame_id.partition("Z-")[2],
            captured_at=datetime.fromtimestamp(micros / 1e6, timezone.utc),
            clock_trusted=waiting.clock_trusted,
            original_name=waiting.original_name,
        )
        calibration = rules.calibration(frame.camera)
        parameters = rules.parameters(calibration)
        found = Candidate(waiting, rules, frame, calibration, rules.preprocess_id(parameters))
        found.times_ms["wait"] = (time.monotonic_ns() - waiting.arrived_ns) / 1e6
        return found

    def _is_young(self, found: Candidate) -> bool:
        """Another node may still be writing a file that was changed so recently."""
        if found.waiting.original_name is None:
            return False
        try:
            changed = self._spool.changed_at(found.waiting)
        except FileNotFoundError:
            return False
        return 0 <= time.time() - changed < found.rules.settings.incoming.settle_s

    def _read(self, found: Candidate) -> None:
        limits = found.rules.settings.incoming
        found.data = self._spool.read(found.waiting, int(limits.max_file_mb * 1e6))
        if found.waiting.original_name is None:
            meta, found.image = pnm.decode_frame(found.data)
            try:
                found.frame = Frame.from_json(meta)
            except (KeyError, TypeError, ValueError) as fault:
                raise UnreadableFrameError(
                    Reason.UNREADABLE, f"its metadata do not read: {fault}"
                ) from fault
            if found.frame.frame_id != found.waiting.frame_id:
                words = f"it is a copy of frame {found.frame.frame_id}"
                found.frame = replace(found.frame, frame_id=found.waiting.frame_id)
                raise UnreadableFrameError(Reason.UNREADABLE, words)
            found.part_source = "frame" if found.frame.part_id else None
        else:
            self._read_foreign(found, found.data)
        found.calibration = found.rules.calibration(found.frame.camera)
        found.preprocess_id = found.rules.preprocess_id(found.rules.parameters(found.calibration))

    def _read_foreign(self, found: Candidate, data: bytes) -> None:
        limits = found.rules.settings.incoming
        self._name_part(found)
        sidecar = self._spool.sidecar(found.waiting) if limits.sidecar != "none" else None
        if sidecar is None and limits.sidecar == "required":
            raise UnreadableFrameError(
                Reason.BAD_SIDECAR,
                f"no sidecar came within {limits.sidecar_wait_s:g} s, one is required",
            )
        known = parse_sidecar(sidecar) if sidecar is not None else Sidecar()
        if known.part_id:
            found.part_source = "sidecar"
        found.frame = replace(
            found.frame,
            part_id=known.part_id or found.frame.part_id,
            lot=known.lot,
            camera=known.camera or INCOMING,
            camera_serial=known.camera_serial,
            camera_frame_number=known.camera_frame_number,
            captured_at=known.captured_at_utc or found.frame.captured_at,
            exposure_us=known.exposure_us,
            gain_db=known.gain_db,
        )
        found.image = decode(
            data,
            max_pixels=int(limits.max_megapixels * 1e6),
            max_decoded_bytes=int(limits.max_decoded_mb * 1e6),
        )
        colours = "RGB" if found.image.pixels.ndim == 3 else "Mono"
        found.frame = replace(found.frame, pixel_format=f"{colours}{found.image.bit_depth}")

    def _name_part(self, found: Candidate) -> None:
        pattern, name = found.rules.settings.incoming.part_id_pattern, found.waiting.original_name
        match = re.search(pattern, name) if pattern and name else None
        if match:
            part = match.groupdict().get("part") or match.group(1)
            found.frame, found.part_source = replace(found.frame, part_id=part), "name"

    def _gate_and_prepare(self, found: Candidate, image: Image) -> None:
        parameters = found.rules.parameters(found.calibration)
        begun = time.perf_counter()
        resized = prepare.resize(image.gray, parameters)
        after_resize = time.perf_counter()
        report = check_gates(image.gray, resized, image.bit_depth, found.calibration)
        after_gates = time.perf_counter()
        found.figures = report.figures
        if report.refusal is not None:
            found.refusal = (report.refusal.reason, report.refusal.detail)
        else:
            found.prepared = prepare.normalise(resized, parameters)
            found.prepared_sha256 = pixels_sha256(found.prepared)
        found.times_ms["gates"] = (after_gates - after_resize) * 1e3
        found.times_ms["prepare"] = (after_resize - begun + time.perf_counter() - after_gates) * 1e3
