"""From a spooled file to the model's input: read, verify, gate, prepare.

Runs in several threads at once, beside the model. Never decides about the part and never raises for
a fault of the file: that is a refusal, which gives the frame its row.
"""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import Future
from dataclasses import replace
from datetime import datetime, timezone

from qc_edge.domain.frame import ExposureSource, Frame, frame_id_micros
from qc_edge.domain.verdict import Reason
from qc_edge.errors import FileServerError
from qc_edge.inspection.frames import FrameRefusal, PreparedFrame
from qc_edge.intake.exposure import Exposed, ExposureTimes
from qc_edge.intake.identity import Identity, identify
from qc_edge.intake.sidecar import Sidecar, parse_sidecar
from qc_edge.recipe.rules import Rules
from qc_edge.store.spool import Spool
from qc_edge.store.spooled_file import SpooledFile
from qc_edge.vision import UnreadableFrameError, pnm, prepare
from qc_edge.vision.gates import check_gates
from qc_edge.vision.image import Image, decode, pixels_sha256
from qc_edge.vision.prepare import PrepareParameters

# What a file looks like while its writer is in the middle of it. A listing, unlike an event, does
# not say that the writer has closed it, and over NFS there are no events.
_SIGNS_OF_AN_UNFINISHED_FILE = {
    Reason.EMPTY_FILE,
    Reason.TORN_FILE,
    Reason.NOT_AN_IMAGE,
    Reason.UNREADABLE,
    Reason.BAD_SIDECAR,
}


_TRIES = 10
"""A file that the file server refuses so often, though it answers, is at fault itself."""


class Preparer:
    """Reads and prepares frames of the spool; safe from any thread."""

    def __init__(self, spool: Spool, exposure_times: ExposureTimes) -> None:
        self._spool = spool
        self._exposure_times = exposure_times
        self._unanswered: Counter[str] = Counter()  # how often, of files that could not be read

    def prepare(self, file: SpooledFile, rules: Rules) -> PreparedFrame:
        """Do everything before the model. Faults of the frame are in `refusal`, never raised.

        Raises FileServerError where its spool does not answer.
        """
        begun = time.perf_counter()
        prepared = self._unread(file, rules)
        try:
            self._read(prepared)
            self._unanswered.pop(file.name, None)
        except FileServerError as fault:
            self._unanswered[file.name] += 1
            if self._unanswered[file.name] < _TRIES:
                raise
            prepared.refusal = FrameRefusal(Reason.UNREADABLE, f"cannot read it: {fault.message}")
        except UnreadableFrameError as fault:
            prepared.refusal = FrameRefusal(fault.reason, fault.detail)
            prepared.may_be_unfinished = (
                fault.reason in _SIGNS_OF_AN_UNFINISHED_FILE and self._is_young(prepared)
            )
        except FileNotFoundError:
            prepared.vanished = True
            prepared.refusal = FrameRefusal(
                Reason.VANISHED, "the file has left the spool without having been inspected"
            )
        self._take_rules_of_its_time(prepared)
        prepared.times_ms["read"] = (time.perf_counter() - begun) * 1e3
        if prepared.image is not None and prepared.refusal is None:
            self._gate_and_prepare(prepared, prepared.image)
        return prepared

    def refuse(
        self, file: SpooledFile, rules: Rules, reason: Reason, detail: str
    ) -> Future[PreparedFrame]:
        """A frame that is refused without a look at its file, in the shape of a finished job."""
        prepared = self._unread(file, rules)
        prepared.refusal = FrameRefusal(reason, detail)
        self._take_rules_of_its_time(prepared)
        done: Future[PreparedFrame] = Future()
        done.set_result(prepared)
        return done

    def _unread(self, file: SpooledFile, rules: Rules) -> PreparedFrame:
        """What the name in the spool tells, so that also a file that cannot be read has a row."""
        micros = frame_id_micros(file.frame_id)
        frame = Frame(
            frame_id=file.frame_id,
            camera=file.frame_id.partition("Z-")[2],
            captured_at=(claimed := datetime.fromtimestamp(micros / 1e6, timezone.utc)),
            clock_trusted=file.clock_trusted,
            original_name=self._spool.original_name(file),
            retrieved_at=claimed,
        )
        prepared = PreparedFrame(
            file,
            rules,
            frame,
            rules.view(frame.camera),
            Exposed(file.arrived_ns, ExposureSource.UNKNOWN),
        )
        prepared.times_ms["wait"] = (time.monotonic_ns() - file.arrived_ns) / 1e6
        return prepared

    def _is_young(self, prepared: PreparedFrame) -> bool:
        """True if another node may still be writing the file: it was changed only just now."""
        if prepared.file.original_name is None:
            return False  # this station's own frames are renamed into the spool, whole
        try:
            changed = self._spool.changed_at(prepared.file)
        except FileNotFoundError:
            return False
        return 0 <= time.time() - changed < prepared.rules.settings.incoming.settle_s

    def _read(self, prepared: PreparedFrame) -> None:
        limits = prepared.rules.settings.incoming
        prepared.data = self._spool.read(prepared.file, int(limits.max_file_mb * 1e6))
        if prepared.file.original_name is None:
            meta, prepared.image = pnm.decode_frame(prepared.data)
            try:
                prepared.frame = Frame.from_json(meta)
            except (KeyError, TypeError, ValueError) as fault:
                raise UnreadableFrameError(
                    Reason.UNREADABLE, f"its metadata do not read: {fault}"
                ) from fault
            if prepared.frame.frame_id != prepared.file.frame_id:
                # Somebody copied a spooled file under another name: the same picture twice.
                detail = f"it is a copy of frame {prepared.frame.frame_id}"
                prepared.frame = replace(prepared.frame, frame_id=prepared.file.frame_id)
                raise UnreadableFrameError(Reason.UNREADABLE, detail)
            prepared.part_source = "frame" if prepared.frame.part_id else None
            prepared.exposed = self._exposure_times.of_own_form(
                prepared.frame, prepared.file, limits
            )
        else:
            self._read_foreign(prepared, prepared.data)

    def _take_rules_of_its_time(self, prepared: PreparedFrame) -> None:
        """Whatever was exposed before a changeover is judged by the recipe that was in force."""
        frame, exposed = prepared.frame, prepared.exposed
        known = exposed.source is not ExposureSource.UNKNOWN
        exposed_ns = exposed.at_ns if known else None
        prepared.rules = prepared.rules.at(frame.camera, prepared.file.frame_id, exposed_ns)
        # Once more: only the content says which camera it is, if another node dropped the file.
        prepared.view = prepared.rules.view(frame.camera)

    def _read_foreign(self, prepared: PreparedFrame, data: bytes) -> None:
        limits = prepared.rules.settings.incoming
        self._date(prepared, None)  # first, so that a frame that is refused has its time too
        name = prepared.frame.original_name or ""
        doubt = prepared.file.sidecar_doubt
        # Before the sidecar is read: one that makes no sense still leaves the id of the name.
        self._take_identity(prepared, identify(name, None, doubt, limits))
        sidecar_data = self._spool.sidecar(prepared.file) if limits.sidecar != "none" else None
        if sidecar_data is None and limits.sidecar == "required" and doubt is None:
            raise UnreadableFrameError(
                Reason.BAD_SIDECAR,
                f"no sidecar came within {limits.sidecar_wait_s:g} s, one is required",
            )
        sidecar = Sidecar() if sidecar_data is None else parse_sidecar(sidecar_data)
        if sidecar_data is not None:
            misfit = sidecar.misfit(data)
            if misfit is not None:
                sidecar, doubt = Sidecar(), misfit
            self._take_identity(prepared, identify(name, sidecar, doubt, limits))
        # Before the pixels: an image that does not decode still has the part id of its sidecar.
        prepared.frame = replace(
            prepared.frame,
            lot=sidecar.lot,
            camera=sidecar.camera or prepared.frame.camera,
            camera_serial=sidecar.camera_serial,
            camera_frame_number=sidecar.camera_frame_number,
            exposure_us=sidecar.exposure_us,
            gain_db=sidecar.gain_db,
        )
        if sidecar.captured_at is not None:
            self._date(prepared, sidecar.captured_at)
        image = prepared.image = decode(
            data,
            max_pixels=int(limits.max_megapixels * 1e6),
            max_decoded_bytes=int(limits.max_decoded_mb * 1e6),
        )
        colours = "RGB" if image.pixels.ndim == 3 else "Mono"
        prepared.frame = replace(prepared.frame, pixel_format=f"{colours}{image.bit_depth}")

    def _take_identity(self, prepared: PreparedFrame, identity: Identity) -> None:
        prepared.frame = replace(prepared.frame, part_id=identity.part_id)
        prepared.part_source = identity.source
        prepared.sidecar_doubt = identity.sidecar_doubt
        prepared.holds, prepared.notes = list(identity.holds), list(identity.notes)

    def _date(self, prepared: PreparedFrame, stated: datetime | None) -> None:
        """When a dropped frame was exposed, by its file and by what its sidecar has `stated`."""
        file, rules = prepared.file, prepared.rules.settings.incoming
        written_ns = self._spool.written_ns(file)
        exposed = self._exposure_times.of_dropped(file, written_ns, stated, rules)
        captured_at = exposed.at or prepared.frame.captured_at
        prepared.exposed = exposed
        prepared.frame = replace(prepared.frame, captured_at=captured_at)

    def _gate_and_prepare(self, prepared: PreparedFrame, image: Image) -> None:
        parameters = prepared.view.parameters
        begun = time.perf_counter()
        # The gates measure gray in one size, whatever the model takes.
        resized = prepare.resize(image.gray, PrepareParameters(roi=parameters.roi))
        after_resize = time.perf_counter()
        report = check_gates(image.gray, resized, image.bit_depth, prepared.view.calibration)
        after_gates = time.perf_counter()
        prepared.figures = report.figures
        if report.refusal is not None:
            prepared.refusal = FrameRefusal(report.refusal.reason, report.refusal.detail)
        else:
            if parameters.is_default:
                prepared.model_input = prepare.normalise(resized, parameters)
            else:
                shown = prepare.picture_for(parameters, image, prepared.frame.pixel_format)
                prepared.model_input = prepare.prepare(shown, parameters)
            prepared.model_input_sha256 = pixels_sha256(prepared.model_input)
        # The gates measure the resized picture too, so they stand between the halves of "prepare".
        normalising_s = time.perf_counter() - after_gates
        prepared.times_ms["gates"] = (after_gates - after_resize) * 1e3
        prepared.times_ms["prepare"] = (after_resize - begun + normalising_s) * 1e3
