"""Makes a box what its file says: compares first, writes what differs, says every change.

All settings are checked before anything is written, and the second run changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from qc_edge.errors import CameraError, RecipeError
from qc_edge.recipe.attribution import Attribution
from qc_edge.recipe.changeover.recipe_editing import parse_content, write_new, write_next
from qc_edge.records import recipes
from qc_edge.records.recipe_content import RecipeContent
from qc_edge.service.owner import acting_as_owner
from qc_edge.settings import Settings, StationPaths
from qc_edge.settings.layers.layer import (
    COMMON,
    Layer,
    common_files,
    merge,
    read_layer,
    refuse_a_name,
)
from qc_edge.settings.load import parse_merged
from qc_edge.setup.file_installer import FileInstaller
from qc_edge.setup.install import unit_template
from qc_edge.setup.provision.box_file import StationSection, UserSection
from qc_edge.setup.provision.box_files import apply_box, install_box, install_credentials
from qc_edge.setup.provision.reading import BoxPlan
from qc_edge.setup.provision.station_state import complete_state, with_played_parts
from qc_edge.setup.provision.toml_text import toml_text
from qc_edge.setup.station_files import install_station
from qc_edge.setup.system_files import with_header

TEMPLATE, SHARED = "10-template.toml", "50-box.toml"

Serials = Callable[[], frozenset[str]]
AddUser = Callable[[StationPaths, UserSection, bool], tuple[str, str | None]]
"""Makes somebody a user of a station's page, or with True only says what it would do: what has
changed in words, "same" if nothing, and a one-time code.
"""


@dataclass(slots=True)
class Provisioning:
    """What was done, or in a dry run would be: every change, what is missing, and one-time codes
    by station and person.
    """

    installer: FileInstaller
    missing: list[str] = field(default_factory=list)
    codes: dict[str, str] = field(default_factory=dict)


def provision_box(
    root: Path, plan: BoxPlan, serials: Serials, add_user: AddUser, *, dry: bool = False
) -> Provisioning:
    """Make the box under `root` what `plan` says; `serials` are the cameras that are there.

    Raises SettingsError if any of its settings are wrong, before anything is written; RecipeError,
    StoreError.
    """
    done = Provisioning(FileInstaller(dry))
    etc = root / "etc/qc-edge"
    settings = {station.name: _checked(plan, layer, etc) for station, layer in plan.stations}
    contents = {file: _recipe(plan, file) for file in _recipe_files(plan)}
    try:
        _write_all(done, root, plan, settings, contents, add_user)
    finally:
        # Of what was written before a fault too: the next run finds it written, and nothing to do.
        if root == Path("/") and done.installer.has_changed:
            _take_over(done.installer, plan)
    done.missing = _missing_cameras(settings, serials)
    return done


def _write_all(
    done: Provisioning,
    root: Path,
    plan: BoxPlan,
    settings: dict[str, Settings],
    contents: dict[str, RecipeContent],
    add_user: AddUser,
) -> None:
    dry = done.installer.dry
    install_box(done.installer, root, plan.file)
    install_credentials(done.installer, root, plan.path.parent)
    _write_shared(done.installer, plan, root / "etc/qc-edge")
    for station, layer in plan.stations:
        paths = StationPaths(root, station.name)
        _write_station(done.installer, paths, settings[station.name], layer)
        unit, own = unit_template(root), settings[station.name]
        if not dry or paths.settings.exists():
            install_station(done.installer, paths, unit, own, at_boot=station.enable)
        _write_recipes(done.installer, paths, station, contents)
        _add_users(done, paths, plan, add_user)


def _checked(plan: BoxPlan, own: Layer, etc: Path) -> Settings:
    """The settings of a station as all its layers will make them. Raises SettingsError."""
    ours = {TEMPLATE: plan.template, SHARED: plan.shared}
    layers = {name: layer for name, layer in ours.items() if layer}
    for path in common_files(etc):
        if path.name not in ours:
            layers[path.name] = read_layer(path)
    for layer in layers.values():
        refuse_a_name(layer)  # no station of the box would start with it
    return parse_merged(merge((*(layers[name] for name in sorted(layers)), own)), etc)


def _write_shared(installer: FileInstaller, plan: BoxPlan, etc: Path) -> None:
    for name, layer in ((TEMPLATE, plan.template), (SHARED, plan.shared)):
        path = etc / COMMON / name
        if layer is None or not layer.values:
            installer.remove(path)
        else:
            installer.write(path, with_header(toml_text(layer.values), "provision"))


def _write_station(
    installer: FileInstaller, paths: StationPaths, settings: Settings, layer: Layer
) -> None:
    complete_state(installer, paths, settings)
    # Last: the settings are what makes it a station.
    values = with_played_parts(paths, layer.values)
    installer.write(paths.settings, with_header(toml_text(values), "provision"))


def _recipe_files(plan: BoxPlan) -> set[str]:
    return {file for station, _ in plan.stations for file in station.recipes}


def _recipe(plan: BoxPlan, file: str) -> RecipeContent:
    path = plan.path.parent / file
    try:
        return parse_content(path.read_text(encoding="utf-8-sig"), str(path))
    except (OSError, UnicodeDecodeError) as fault:
        raise RecipeError(
            f"cannot read the recipe {path}: {fault}", hint=f"recipes in {plan.path} names it"
        ) from None


def _write_recipes(
    installer: FileInstaller,
    paths: StationPaths,
    station: StationSection,
    contents: dict[str, RecipeContent],
) -> None:
    """As new revisions that judge nothing until a person has approved them."""
    attribution = Attribution("provision", "qc-edge provision")
    for file in station.recipes:
        name, content = Path(file).stem, contents[file]
        with acting_as_owner(paths.state):
            known = recipes.revisions(paths.recipes, name)
            newest = recipes.load_newest(paths.recipes, name) if known else None
            subject = f"{paths.name}: recipe {name}, to be approved"
            if newest is not None and newest.content == content:
                installer.record("same", f"{paths.name}: recipe {newest.reference}")
                continue
            installer.record("updated" if newest else "new", subject)
            if installer.dry:
                continue
            if newest is None:
                write_new(paths, name, content, attribution)
            else:
                write_next(paths, newest, content, attribution)


def _add_users(done: Provisioning, paths: StationPaths, plan: BoxPlan, add: AddUser) -> None:
    for user in plan.file.user:
        what, code = add(paths, user, done.installer.dry)
        done.installer.record(what, f"{paths.name}: user {user.name}, {user.role}")
        if code:
            done.codes[f"{paths.name} {user.name}"] = code


def _missing_cameras(settings: dict[str, Settings], serials: Serials) -> list[str]:
    """Cameras that no station will find, in words."""
    wanted = [
        (name, camera.name, camera.serial)
        for name, each in settings.items()
        for camera in each.camera
        if camera.backend == "basler" and camera.serial
    ]
    if not wanted:
        return []
    try:
        here = serials()
    except CameraError as fault:
        return [f"cameras could not be looked for: {fault.message}"]
    seen = ", ".join(sorted(here)) or "none"
    return [
        f"{name}: camera {camera} with serial {serial} is not there; seen: {seen} (its power and "
        "cable, or another serial in the file)"
        for name, camera, serial in wanted
        if serial not in here
    ]


def _take_over(installer: FileInstaller, plan: BoxPlan) -> None:
    new = {change.subject for change in installer.changes if change.what == "new"}
    apply_box(installer, plan.file)
    if not Path("/run/systemd/system").is_dir():
        return
    installer.run("systemctl", "daemon-reload")
    for station, _ in plan.stations:
        if station.enable and f"/etc/qc-edge/{station.name}.toml" in new:
            # It may wait long for its model: nobody waits for it here.
            installer.run("systemctl", "start", "--no-block", f"qc-edge@{station.name}.service")
