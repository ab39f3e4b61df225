"""What is approved upstream comes to a station signed, whole and staged; and nothing else does."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from qc_edge.bundles.signing import make_key
from qc_edge.diagnostics.finding import Level
from qc_edge.diagnostics.upstream import released
from qc_edge.diagnostics.upstream.released import check_released
from qc_edge.domain.activation import Approval, Changeover
from qc_edge.domain.decisions import DecisionHistory, Outcome
from qc_edge.domain.threshold import record_id
from qc_edge.errors import AuditError, SettingsError, UpstreamError, UsageError
from qc_edge.records import approvals, changeovers, recipes
from qc_edge.records.outcomes import conclude
from qc_edge.records.recipe_content import RecipeContent, RecipeView
from qc_edge.records.recipes import Recipe
from qc_edge.service.clock import utc_now
from qc_edge.setup.update.source import open_source
from qc_edge.setup.update.staging import look, stage, staged_update
from qc_edge.upstream.releases import publishing, pulling
from qc_edge.upstream.releases.manifest import Kind, Revocation, manifest_name
from qc_edge.upstream.releases.publishing import Change, publish
from qc_edge.upstream.releases.pulling import Pull, PullReport
from qc_edge.upstream.releases.staged import next_step, place, refuse_revoked
from tests.cli.runner import invoke
from tests.quality.tools import REPOSITORY
from tests.updates.releases import PACKAGE, Release
from tests.updates.releases import release as release
from tests.upstream.sealed import NAME, SendingStation, make_sending_station

REFERENCE = REPOSITORY / "models/reference/1"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> SendingStation:
    root = tmp_path_factory.mktemp("releases")
    station = make_sending_station(root)
    (root / "recipe.json").write_text("{}")
    public = make_key(root / "approval.pem")
    make_key(root / "other.pem")
    trust(station, public)
    publish(station.target, root / "approval.pem", "anna", Change([("bundle", REFERENCE)]))
    return station


@pytest.fixture
def station(made: SendingStation, tmp_path: Path) -> SendingStation:
    root = tmp_path / "s"
    shutil.copytree(made.paths.root, root)
    copy = SendingStation(type(made.paths)(root, NAME), root / "upstream")
    public = made.settings.model.trusted_keys[0]
    copy.configure()
    trust(copy, public)
    return copy


def trust(station: SendingStation, *keys: str) -> None:
    text = station.paths.settings.read_text()
    trusted = f"[model]\ntrusted_keys = {json.dumps(keys)}\n"
    station.paths.settings.write_text(text.replace("[model]\n", trusted, 1))


def pull(station: SendingStation) -> PullReport:
    return Pull(station.paths, station.settings, station.target, lambda *_: None).run()


def published(station: SendingStation, change: Change, key: str = "approval") -> None:
    publish(station.target, station.paths.root / f"{key}.pem", "anna", change)


def test_a_bundle_is_staged_and_installs_with_the_stations_own_checks(
    station: SendingStation,
) -> None:
    root = station.paths.root
    planned = invoke("sync", NAME, "--root", root, "--pull", "--dry-run", "--json")
    assert [each["name"] for each in json.loads(planned.stdout)["would_stage"]] == ["reference@1"]
    assert not (station.paths.upstream / "staged").exists()
    told = invoke("sync", NAME, "--root", root, "--pull")
    at = place(station.paths, "bundle", "reference@1")
    assert f"qc-edge model install {NAME} {at}" in told.output.replace("\n", "")
    assert not station.paths.models.exists(), "staged, and no more"
    assert invoke("model", "install", NAME, at, "--root", root).exit_code == 0
    assert (station.paths.models / "reference/1").is_dir()
    again = json.loads(invoke("sync", NAME, "--root", root, "--pull", "--json").stdout)
    assert again["staged"] == [] and len(again["unchanged"]) == 1


def test_a_transfer_that_was_cut_goes_on_in_mid_file(
    station: SendingStation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulling, "PIECE", 1000)
    target, asked = station.target, list[tuple[str, int]]()
    piece = target.piece

    def cut(name: str, start: int, length: int) -> bytes:
        asked.append((name, start))
        if len(asked) == 5:
            raise UpstreamError("the wire is out", hint="")
        return piece(name, start, length)

    monkeypatch.setattr(target, "piece", cut)
    with pytest.raises(UpstreamError):
        Pull(station.paths, station.settings, target, lambda *_: None).run()
    where = asked[-1]
    Pull(station.paths, station.settings, target, lambda *_: None).run()
    assert asked[5] == where, "it goes on with the piece that was cut"
    assert len(set(asked)) == len(asked) - 1, "and fetches nothing twice"


def test_a_file_with_other_bytes_never_gets_its_name(station: SendingStation) -> None:
    files = (path for path in (station.upstream / "released").rglob("*") if path.is_file())
    name = max(files, key=lambda path: path.stat().st_size)
    name.write_bytes(b"x" * name.stat().st_size)
    with pytest.raises(AuditError, match="not what the manifest names"):
        pull(station)
    assert not list((station.paths.upstream / "staged/.parts").glob(name.name))


def test_what_is_published_again_takes_the_place_of_what_was_staged_whole(
    station: SendingStation, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = station.paths.root / "top"
    source.mkdir()
    (source / "bounds.json").write_text("first")
    (source / "field.json").write_text("of the first alone")
    published(station, Change([("calibration", source)]))
    pull(station)
    (source / "field.json").unlink()
    (source / "bounds.json").write_text("other")
    (source / "same.json").write_text("other")
    published(station, Change([("calibration", source)]))
    at = place(station.paths, "calibration", "top")
    with monkeypatch.context() as patched:
        patched.setattr(type(station.target), "piece", lambda *_: b"")
        with pytest.raises(UpstreamError):
            pull(station)
    assert (at / "bounds.json").read_text() == "first", "none of it before all of it"
    assert [thing.name for thing in pull(station).staged] == ["top"]
    staged = {path.name: path.read_text() for path in at.iterdir()}
    assert staged == {"bounds.json": "other", "same.json": "other"}
    assert not list((station.paths.upstream / "staged/.parts").iterdir())
    assert pull(station).staged == []


def test_an_update_that_was_pulled_is_what_a_box_stages(
    station: SendingStation, release: Release, tmp_path: Path
) -> None:
    published(station, Change([("software", release.directory)]))
    name = "0.2.0-1_amd64.deb"
    assert name in [thing.name for thing in pull(station).staged]
    *command, at = next_step(station.paths, "software", name).split()
    assert command == ["qc-edge", "update", "stage"]
    with open_source(at) as source:
        stage(tmp_path / "box", source, look(source, release.trusted))
    on_box = staged_update(tmp_path / "box", release.trusted)
    assert on_box is not None and [path.name for path in on_box.files] == [PACKAGE]


@pytest.mark.parametrize("missing", ["update.json", "update.json.sig", PACKAGE])
def test_no_update_is_published_that_a_box_would_not_take(
    station: SendingStation, release: Release, missing: str
) -> None:
    (release.directory / missing).unlink()
    with pytest.raises(UsageError, match="cannot be published as software"):
        published(station, Change([("software", release.directory)]))


def test_a_manifest_that_a_power_cut_left_empty_holds_nothing_up(station: SendingStation) -> None:
    pull(station)
    (station.upstream / manifest_name(2)).touch()
    assert pull(station).staged == []
    published(station, Change([("recipe", station.paths.root / "recipe.json")]))
    assert len(pull(station).staged) == 1
    assert (station.upstream / manifest_name(3)).exists()


def test_a_manifest_whose_answer_was_lost_is_published(
    station: SendingStation, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = type(station.target).put_if_absent
    monkeypatch.setattr(
        type(station.target), "put_if_absent", lambda *given: put(*given) and put(*given)
    )
    published(station, Change([("recipe", station.paths.root / "recipe.json")]))
    assert len(pull(station).staged) == 2


def test_a_key_that_is_not_trusted_and_an_older_or_another_manifest_are_refused(
    station: SendingStation,
) -> None:
    pull(station)
    first = station.upstream / manifest_name(1)
    genuine = first.read_bytes()
    with pytest.raises(AuditError, match="does not trust"):  # nor may another key publish there
        published(station, Change(withdraw=[("bundle", "reference@1")]), key="other")
    signed = json.loads(genuine)
    signed["manifest"] = signed["manifest"].replace("anna", "adam")
    first.write_bytes(json.dumps(signed).encode())
    with pytest.raises(AuditError, match="does not fit"):
        pull(station)
    first.write_bytes(genuine)
    published(station, Change([("recipe", station.paths.root / "recipe.json")]))
    pull(station)
    second = station.upstream / manifest_name(2)
    newest = second.read_bytes()
    second.unlink()
    with pytest.raises(AuditError, match="number 1, and number 2 was here"):
        pull(station)
    second.write_bytes(genuine)
    with pytest.raises(AuditError, match="says that it is number 1"):
        pull(station)
    second.write_bytes(newest)
    assert pull(station).staged == []


def test_what_is_revoked_is_cleared_away_refused_and_said(
    station: SendingStation, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = station.paths.root
    pull(station)
    at = place(station.paths, "bundle", "reference@1")
    kept = station.paths.root / "kept"
    shutil.copytree(at, kept)
    revoked = Revocation(kind="bundle", name="reference@1", why="misses stains")
    published(station, Change(revoke=[revoked]))
    assert pull(station).cleared == [("bundle", "reference@1")] and not at.exists()
    with pytest.raises(AuditError, match="misses stains"):
        refuse_revoked(station.paths, "bundle", "reference@1")
    refused = invoke("model", "install", NAME, kept, "--root", station.paths.root)
    assert isinstance(refused.exception, AuditError)
    assert not (station.paths.models / "reference/1").exists()
    shutil.copytree(kept, station.paths.models / "reference/1")
    found = list(check_released(station.paths))
    assert [each.level for each in found] == [Level.FAULT, Level.OK]
    assert "misses stains; it judges" in found[0].message
    undone = SimpleNamespace(before="reference@1"), None
    monkeypatch.setattr(DecisionHistory, "undone_by_rollback", lambda _: undone)
    why = ("--root", root, "--by", "anna", "--reason", "the one before")
    assert isinstance(invoke("model", "rollback", NAME, *why).exception, AuditError)
    with pytest.raises(UsageError, match="is revoked"):
        published(station, Change([("bundle", REFERENCE)]))


def test_a_manifest_that_has_expired_is_refused_until_a_newer_one_is_there(
    station: SendingStation, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = station.paths.root
    ask = ("fleet", "publish", station.target.url, "--key", root / "approval.pem", "--by", "anna")
    told = invoke(*ask, "--valid-days", "30")
    assert "release 2" in told.output and "good until" in told.output
    pull(station)
    later = utc_now() + timedelta(days=31)
    for module in (pulling, released):
        monkeypatch.setattr(module, "utc_now", lambda: later)
    with pytest.raises(AuditError, match=r"was good until .* a newer one is held back"):
        pull(station)
    assert [each.level for each in check_released(station.paths)] == [Level.WARNING, Level.OK]
    revoked = Revocation(kind="recipe", name="bottle", why="misses stains")
    published(station, Change(revoke=[revoked]))
    with pytest.raises(AuditError, match="was good until"):
        pull(station)
    with pytest.raises(AuditError, match="misses stains"):  # though it came too late to be staged
        refuse_revoked(station.paths, "recipe", "bottle")
    monkeypatch.setattr(publishing, "utc_now", lambda: later)
    published(station, Change([("recipe", root / "recipe.json")]))
    renewed = pull(station).manifest
    assert renewed is not None
    assert renewed.expires_at == later + timedelta(days=30), "it is good for as long as before"


@pytest.mark.parametrize("kind, name", [("recipe", "bottle@1"), ("bundle", "reference@1")])
def test_a_recipe_that_is_revoked_or_has_a_revoked_bundle_is_not_approved_nor_activated(
    station: SendingStation, kind: Kind, name: str
) -> None:
    paths, root = station.paths, station.paths.root
    view = RecipeView(name="top", camera="top", bundle="reference@1")
    content = RecipeContent(number=7, product="bottle", view=(view,))
    recipes.write(paths.recipes, Recipe(NAME, "bottle", 1, utc_now(), "anna", "new", content))
    digest = recipes.digest(paths.recipes, "bottle@1")
    published(station, Change(revoke=[Revocation(kind=kind, name=name, why="misses stains")]))
    pull(station)
    by = ("--by", "carla", "--reason", "trial 12", "--root", root)
    refused = invoke("recipe", "approve", NAME, "bottle", *by).exception
    assert isinstance(refused, AuditError) and f"{kind} {name} is revoked: misses" in str(refused)
    before = Approval(record_id(utc_now()), NAME, "bottle@1", digest, utc_now(), "carla", "good")
    approvals.write(paths.approvals, before)
    refused = invoke("recipe", "activate", NAME, "bottle", *by).exception
    assert isinstance(refused, AuditError) and "misses stains" in str(refused)
    assert not list(paths.changeovers.rglob("*.json"))
    is_judging = Level.FAULT in [each.level for each in check_released(paths)]
    assert is_judging == (kind == "bundle"), "the bundle is also the station's own"
    at = utc_now()
    put = Changeover(record_id(at), NAME, "bottle@1", digest, "station", "", at, "carla", "before")
    changeovers.write(paths.changeovers, put)
    conclude(paths.changeovers, put.record_id, Outcome(True, at, "in force"))
    (found,) = [each for each in check_released(paths) if each.level is Level.FAULT]
    assert found.message == f"{kind} {name} is revoked: misses stains; it judges"


def test_a_thing_may_be_for_some_stations_alone(station: SendingStation) -> None:
    recipe = [("recipe", station.paths.root / "recipe.json")]
    published(station, Change(recipe, stations=("line2",)))  # type: ignore[arg-type]
    assert [thing.name for thing in pull(station).staged] == ["reference@1"]


def test_without_a_trusted_key_nothing_is_pulled(station: SendingStation) -> None:
    station.configure()
    with pytest.raises(SettingsError, match="trusted_keys is empty"):
        pull(station)
