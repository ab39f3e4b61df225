"""The rules in force: read together, replaced one change at a time, each on record before it
applies.

Reads calibrations and threshold records; decides nothing about parts.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace

from qc_edge.domain.calibration import calibration_record
from qc_edge.domain.events import EventLog
from qc_edge.engine.engine_thread import EngineThread
from qc_edge.errors import RecordError
from qc_edge.recipe.active_model import ActiveModel, OpenedModels
from qc_edge.recipe.changeover.camera_changes import CameraChanges
from qc_edge.recipe.changeover.moment import ChangeoverMoment
from qc_edge.recipe.changeover.recipe_check import check_content
from qc_edge.recipe.changeover.recipe_in_force import RecipeInForce, calibrations_under
from qc_edge.recipe.in_force import InForceRecorder, last_in_force, snapshot
from qc_edge.recipe.kept_records import check_kept
from qc_edge.recipe.rules import Rules
from qc_edge.recipe.start_check import check_start, put_by
from qc_edge.recipe.threshold_follower import ThresholdFollower, warn_if_overruled
from qc_edge.records.calibrations import cameras, load_current
from qc_edge.records.record_file import file_digest
from qc_edge.service.clock import FrameClock
from qc_edge.settings import INCOMING, Settings, StationPaths
from qc_edge.store.log.ledger import Ledger


class RuleBook:
    """Owns the rules in force; whoever needs them asks for `rules`. Changed from any thread.

    A change that raises has changed nothing: the rules before stay in force, and the same call may
    be tried again.
    """

    def __init__(
        self,
        paths: StationPaths,
        ledger: Ledger,
        events: EventLog,
        settings: Settings,
        opened: OpenedModels,
        clock: FrameClock,
    ) -> None:
        """At the start, before anything is judged: what changed since the last run is on record.

        The engines of `opened` are ready. Raises CalibrationError, ThresholdError, and StoreError
        if the log does not take the events.
        """
        self._paths = paths
        self._ledger = ledger
        self._now = clock.judging_now
        self._thresholds = ThresholdFollower(paths.thresholds, events, clock.judging_now)
        self._engines = opened.engines
        last = last_in_force(ledger)
        self._standing = {
            ledger.last_threshold_id() or "",
            *(view.threshold for view in (last.views if last else {}).values()),
        }
        self._recorder = InForceRecorder(ledger, paths, events)
        self._clock = clock
        self._settings = settings
        self._own_views = dict(opened.view_engines)
        self._lock = threading.Lock()
        active_model = opened.active_model
        rules = self._read(
            None, opened.engine_thread, active_model, opened.recipe, opened.recipe_views
        )
        rules = replace(rules, earlier=self._before_this_start(rules, opened))
        # Again, now that it is known what judges: a newer activation may have been refused.
        check_start(paths, ledger, settings, clock.judging_now(), active_model)
        self._recorder.begin(rules)
        self._rules = rules

    @property
    def rules(self) -> Rules:
        """What the next frame is judged by; those in hand keep the rules that they began with."""
        return self._rules

    @property
    def settings(self) -> Settings:
        """What the settings file says, without the recipe."""
        return self._settings

    def reload(self, settings: Settings | None = None) -> None:
        """From the next frame on: the same model, calibrations read anew, `settings` if given.

        Raises CalibrationError, ThresholdError, StoreError, and RecipeError if the recipe in force
        does not fit them.
        """
        with self._lock:
            before, was = self._rules, self._settings
            self._settings = settings or was
            try:
                if (in_force := before.recipe_in_force) and in_force.recipe:
                    check_content(self._settings, in_force.recipe.name, in_force.recipe.content)
                self._change(self._as(before))
            except BaseException:
                self._settings = was
                raise

    def follow(self) -> None:
        """Take up threshold records that are new or whose time has come. Raises StoreError."""
        with self._lock:
            if rules := self._thresholds.follow(self._rules):
                self._change(self._with_digests(rules, self._rules.records))

    def change_model(self, engine_thread: EngineThread, active_model: ActiveModel) -> None:
        """Between two frames: the engine in `engine_thread` judges from here on, the one before is
        closed if no view goes by it.

        Raises CalibrationError, ThresholdError, StoreError.
        """
        with self._lock:
            before = self._rules
            self._change(self._as(before, engine_thread, active_model))
        self._engines.release(before.engine_thread)

    def change_recipe(
        self,
        opened: RecipeInForce,
        view_engines: Mapping[str, EngineThread],
        cameras: CameraChanges,
    ) -> None:
        """Between two frames: the recipe `opened` judges what is exposed from here on, frames from
        before go by the rules that were. The cameras are set first.

        Raises CameraError, CalibrationError, ThresholdError, RecordError, StoreError; then the
        cameras have their settings of before.
        """
        with self._lock:
            before = self._rules
            after = self._read(
                before, before.engine_thread, before.active_model, opened, view_engines
            )
            moments = cameras.make(before.settings, after.settings)
            try:
                stamp = self._clock.stamp("station")
                moment = ChangeoverMoment(stamp.frame_id, stamp.monotonic_ns, moments)
                earlier = (*before.earlier, (moment, replace(before, earlier=())))
                self._change(replace(after, earlier=earlier))
            except BaseException:
                cameras.undo(before.settings, after.settings)
                raise

    def forget_earlier(self) -> None:
        """No frame from before a changeover waits any more."""
        with self._lock:
            self._rules = replace(self._rules, earlier=())

    def close(self, wait_s: float) -> None:
        """Close all engines; each has up to `wait_s` to free its device."""
        self._engines.close(wait_s)

    def _as(
        self,
        before: Rules,
        engine_thread: EngineThread | None = None,
        active_model: ActiveModel | None = None,
    ) -> Rules:
        """The rules `before` read anew, under the settings of now or with another model."""
        thread, model = engine_thread or before.engine_thread, active_model or before.active_model
        recipe, views = before.recipe_in_force, before.view_engines
        rules = self._read(before, thread, model, recipe, views if before.recipe else None)
        earlier = tuple(
            (moment, replace(rules, engine_thread=thread, active_model=model))
            for moment, rules in before.earlier
        )
        return replace(rules, earlier=earlier)

    def _read(
        self,
        before: Rules | None,
        engine_thread: EngineThread,
        active_model: ActiveModel,
        recipe: RecipeInForce | None,
        recipe_views: Mapping[str, EngineThread] | None,
    ) -> Rules:
        settings = recipe.settings(self._settings) if recipe else self._settings
        is_own = recipe is None or recipe.recipe is None or recipe_views is None
        view_engines = self._own_views if is_own else recipe_views or {}
        own = [camera.name for camera in settings.camera]
        # Nodes have no section in the settings; one that has a record of its own goes by it.
        dropped = [INCOMING] if settings.incoming.enabled else []
        names = dict.fromkeys((*own, *dropped, *cameras(self._paths.calibration)))
        newest = {name: load_current(self._paths.calibration, name) for name in names}
        calibrations = calibrations_under(self._paths, recipe.content if recipe else None, newest)
        rules = Rules(
            settings,
            calibrations,
            engine_thread,
            active_model,
            view_engines=view_engines,
            recipe_in_force=recipe,
        )
        thresholds = self._thresholds.read(rules.models, before, self._standing)
        if before is not None:
            # A file that somebody deleted lets no older one take over while the station runs.
            check_kept(self._paths, snapshot(before), self._now(), put_by(self._ledger))
        rules = replace(rules, thresholds=thresholds)
        return self._with_digests(rules, before.records if before else {})

    def _before_this_start(
        self, rules: Rules, opened: OpenedModels
    ) -> tuple[tuple[ChangeoverMoment, Rules], ...]:
        """The rules before each changeover whose frames a stop or a crash left in the spool."""
        earlier = []
        for moment, recipe, views in opened.earlier_recipes:
            before = self._read(None, rules.engine_thread, rules.active_model, recipe, views)
            earlier.append((moment, before))
        return tuple(earlier)

    def _with_digests(self, rules: Rules, known: Mapping[str, str]) -> Rules:
        """The rules with the digest of each file that decides. Raises RecordError if one is gone
        meanwhile.

        `known` are those on record already: what somebody has made of such a file since does not
        judge, and must not come on record with the next change.
        """
        paths, activation = self._paths, rules.active_model.activation
        used = rules.calibrations.values()
        files = [paths.state / calibration_record(each.calibration_id) for each in used]
        names = {record.record_id for record in rules.thresholds.values()}
        files += [paths.thresholds / f"{name}.toml" for name in sorted(names)]
        if activation is not None:
            files.append(paths.activations / f"{activation.record_id}.toml")
        if rules.recipe_in_force is not None:
            files += rules.recipe_in_force.files(paths)
        bundles = [rules.bundle, *(each.bundle for each in rules.view_engines.values())]
        digests = {bundle.record: bundle.digest for bundle in bundles}
        for file in files:
            path = file.relative_to(paths.state).as_posix()
            if not (digest := known.get(path) or file_digest(file)):
                raise RecordError(
                    f"{file} was there a moment ago and cannot be read now",
                    hint="restore it from a backup: records are never changed or removed",
                )
            digests[path] = digest
        return replace(rules, records=digests)

    def _change(self, after: Rules) -> None:
        # The order is the guarantee: no part is judged by what has no durable event yet.
        self._recorder.record(self._rules, after)
        warn_if_overruled(self._rules, after)
        self._rules = after
