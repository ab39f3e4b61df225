"""`qc-edge model`: bundles are listed, proven and installed whole or not at all; signatures are
held to.
"""

from __future__ import annotations

import io
import json
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qc_edge.diagnostics.check import check_station
from qc_edge.errors import ModelError, QcEdgeError, UsageError
from qc_edge.recipe import model_install
from qc_edge.settings import StationPaths
from qc_edge.settings.paths import shipped
from tests.cli.runner import invoke
from tests.station.harness import NAME, Running, configure, make_station, running, write_bundle
from tests.station.twins import Plan, dependencies

WHO = ("--by", "anna", "--reason", "why")


def model(paths: StationPaths, verb: str, *rest: str | Path) -> Any:
    """`qc-edge model VERB line1 ...` with --json; what it said, or the fault that it raised."""
    result = invoke("model", verb, NAME, *rest, "--json", "--root", paths.root)
    if isinstance(result.exception, QcEdgeError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def delivered(root: Path) -> Path:
    """A bundle's directory as somebody delivers it."""
    return write_bundle(root / "delivered/corner/7")


def as_tar(bundle: Path, suffix: str, inside: str = "corner-7") -> Path:
    """The bundle packed."""
    file = bundle.parent / f"packed{suffix}"
    with tarfile.open(file, "w:gz" if suffix != ".tar" else "w") as archive:
        archive.add(bundle, inside)
    return file


def as_zip(bundle: Path) -> Path:
    """The bundle packed, with the manifest at the top."""
    return Path(shutil.make_archive(str(bundle.parent / "packed"), "zip", bundle))


@pytest.mark.parametrize(
    "pack", [lambda at: at, lambda at: as_tar(at, ".tar"), lambda at: as_tar(at, ".tgz"), as_zip]
)
def test_a_bundle_is_installed_from_a_directory_or_an_archive(
    tmp_path: Path, pack: Callable[[Path], Path]
) -> None:
    paths = make_station(tmp_path)
    source = pack(delivered(tmp_path))
    assert model(paths, "install", source)["installed"]
    assert {path.name for path in (paths.models / "corner/7").iterdir()} == {
        "bundle.toml",
        "golden",
        "model.onnx",
    }
    assert not model(paths, "install", source)["installed"], "the same again is no fault"
    bundles = {each["reference"]: each for each in model(paths, "list")["bundles"]}
    assert bundles.keys() == {"corner@1", "corner@7", "reference@1"}
    assert [name for name, each in bundles.items() if each["in_force"]] == ["corner@1"]
    assert not list(paths.models.glob(".*")), "something was left behind"


def test_a_version_is_never_replaced_by_another_content(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    bundle = delivered(tmp_path)
    model(paths, "install", bundle)
    manifest = bundle / "bundle.toml"
    manifest.write_text(manifest.read_text().replace("threshold = 0.5", "threshold = 0.6"))
    with pytest.raises(ModelError, match="holds another bundle of that name"):
        model(paths, "install", bundle)


def _torn(bundle: Path) -> Path:
    (bundle / "model.onnx").write_bytes(b"mod")
    return bundle


def _edited(bundle: Path) -> Path:
    manifest = bundle / "bundle.toml"
    manifest.write_text(manifest.read_text().replace("threshold = 0.5", "threshold = 5"))
    return bundle


def _half_an_archive(bundle: Path) -> Path:
    file = as_tar(bundle, ".tgz")
    file.write_bytes(file.read_bytes()[:300])
    return file


def _no_archive(bundle: Path) -> Path:
    file = bundle.parent / "notes.txt"
    file.write_text("hello")
    return file


def _linked(bundle: Path) -> Path:
    (bundle / "passwd").symlink_to("/etc/passwd")
    return bundle


def _linked_in_a_tar(bundle: Path) -> Path:
    return as_tar(_linked(bundle), ".tar")


def _climbing(bundle: Path) -> Path:
    file = bundle.parent / "climbing.tar"
    with tarfile.open(file, "w") as archive:
        entry = tarfile.TarInfo("corner/../../../escaped")
        entry.size = 3
        archive.addfile(entry, io.BytesIO(b"out"))
    return file


def _climbing_zip(bundle: Path) -> Path:
    file = bundle.parent / "climbing.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("../../escaped", "out")
    return file


def _absolute(bundle: Path) -> Path:
    file = bundle.parent / "absolute.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("/tmp/escaped", "out")
    return file


def _empty(bundle: Path) -> Path:
    file = bundle.parent / "empty.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("README", "nothing here")
    return file


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_torn, r"model\.onnx: sha256"),
        (_edited, r"decision\.threshold"),
        (_half_an_archive, "does not unpack"),
        (_no_archive, "no archive that this version knows"),
        (_linked, "neither a file nor a directory"),
        (_linked_in_a_tar, "neither a file nor a directory"),
        (_climbing, "leads out of the bundle"),
        (_climbing_zip, "leads out of the bundle"),
        (_absolute, "leads out of the bundle"),
        (_empty, r"there is no bundle\.toml"),
        (lambda bundle: bundle / "nowhere", "does not exist"),
    ],
)
def test_what_is_no_whole_bundle_is_not_installed(
    tmp_path: Path, spoil: Callable[[Path], Path], words: str
) -> None:
    paths = make_station(tmp_path)
    before = sorted(path for path in tmp_path.rglob("*") if "delivered" not in path.parts)
    with pytest.raises(ModelError, match=words):
        model(paths, "install", spoil(delivered(tmp_path)))
    assert sorted(path for path in tmp_path.rglob("*") if "delivered" not in path.parts) == before
    assert not Path("/tmp/escaped").exists()


@pytest.mark.parametrize("suffix", [".tgz", ".zip"])
def test_an_archive_that_unpacks_to_too_much_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    paths = make_station(tmp_path)
    bundle = delivered(tmp_path)
    (bundle / "zeros").write_bytes(b"\0" * 3_000_000)
    monkeypatch.setattr(model_install, "MAX_BYTES", 1_000_000)
    with pytest.raises(ModelError, match="unpacks to more than"):
        model(paths, "install", as_zip(bundle) if suffix == ".zip" else as_tar(bundle, suffix))
    assert not (paths.models / "corner/7").exists()


def test_a_bundle_that_is_fit_is_said_to_be_and_why(tmp_path: Path) -> None:
    paths = make_station(tmp_path, engine={"threads": 1})
    said = model(paths, "verify", "reference@1")["found"]
    assert said[1] == "not signed"
    assert "9 golden frames score as approved on onnx-cpu" in said[2]


def test_a_bundle_that_is_not_whole_shows_in_the_list_and_is_not_verified(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    _torn(paths.models / "corner/1")
    (found,) = [each for each in model(paths, "list")["bundles"] if each["reference"] == "corner@1"]
    assert "model.onnx: sha256" in found["fault"]
    with pytest.raises(ModelError, match="is not what was approved"):
        model(paths, "verify", "corner@1")


def test_a_bundle_is_shown_with_all_that_a_person_asks_of_it(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    told = model(paths, "show", "reference@1")
    assert told["bundle"] == "reference@1"
    assert told["decision"]["threshold"] == 0.5
    assert told["approved"]["by"] == "qc-edge maintainers"
    assert told["signature"] == "not signed"
    plain = invoke("model", "show", NAME, "reference@1", "--root", paths.root).output
    assert "gray512-minmax@" in plain


def test_the_list_has_the_history_in_words(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    model(paths, "install", delivered(tmp_path))
    model(paths, "activate", "corner@7", "--by", "anna", "--reason", "finds stains")
    said = invoke("model", "list", NAME, "--root", paths.root).output
    (row,) = [line for line in said.splitlines() if "finds stains" in line]
    assert "anna" in row
    assert "to come" in row


def test_two_people_where_the_settings_ask_for_them(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    model(paths, "install", delivered(tmp_path))
    configure(paths, approval={"model": True})
    with pytest.raises(UsageError, match="approved corner@7: somebody else activates it"):
        model(paths, "activate", "corner@7", "--by", "Tests", "--reason", "mine")
    assert not list(paths.activations.glob("*.toml"))
    model(paths, "activate", "corner@7", "--by", "anna", "--reason", "report 117")
    assert len(list(paths.activations.glob("*.toml"))) == 1


def key(tmp_path: Path, name: str = "approval.pem") -> tuple[Path, str]:
    """A new private key, and its public half as it is printed."""
    file = tmp_path / name
    said = invoke("model", "keygen", file)
    assert said.exit_code == 0, said.output
    assert file.stat().st_mode & 0o777 == 0o600
    return file, next(word.strip('["') for word in said.output.split() if "ed25519:" in word)


def sign(bundle: Path, private: Path) -> None:
    """With that key."""
    result = invoke("model", "sign", bundle, "--key", private)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception


def demand(paths: StationPaths, public: str) -> None:
    """The station takes nothing else."""
    configure(paths, model={"trusted_keys": [f"{public} anna"], "require_signature": True})


def test_a_station_that_demands_it_takes_what_a_trusted_key_has_signed(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    private, public = key(tmp_path)
    sign(paths.models / "corner/1", private)
    bundle = delivered(tmp_path)
    sign(bundle, private)
    demand(paths, public)
    assert model(paths, "install", as_tar(bundle, ".tgz"))["installed"]
    with running(paths) as run:
        assert model(paths, "activate", "corner@7", *WHO)["in_force"]
        run.wait_for_status(lambda status: status.model == "corner@7", "it judges")
    signed = {each["reference"]: each["signed"] for each in model(paths, "list")["bundles"]}
    assert signed["corner@7"] == "signed by anna"


def test_a_station_that_demands_it_refuses_what_is_not_signed(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    _, public = key(tmp_path)
    demand(paths, public)
    for arguments in (
        ("install", delivered(tmp_path)),
        ("activate", "corner@1", *WHO),
        ("verify", "corner@1"),
    ):
        with pytest.raises(
            ModelError, match="is not signed, and this station takes signed bundles only"
        ):
            model(paths, *arguments)
    fault = Running(tmp_path, dependencies(Plan())).wait_until_ended()
    assert isinstance(fault, ModelError)
    assert "is not signed" in fault.message
    assert "qc-edge model sign" in fault.hint


def test_a_station_refuses_a_key_that_it_does_not_trust(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    bundle = delivered(tmp_path)
    sign(bundle, key(tmp_path, "stranger.pem")[0])
    assert model(paths, "install", bundle)["installed"], "nobody has demanded anything"
    demand(paths, key(tmp_path)[1])
    with pytest.raises(ModelError, match="which this station does not trust"):
        model(paths, "verify", "corner@7")


def test_a_manifest_that_was_altered_after_it_was_signed_is_refused_everywhere(
    tmp_path: Path,
) -> None:
    paths = make_station(tmp_path)
    bundle = delivered(tmp_path)
    sign(bundle, key(tmp_path)[0])
    manifest = bundle / "bundle.toml"
    manifest.write_text(manifest.read_text().replace("threshold = 0.5", "threshold = 0.9"))
    with pytest.raises(ModelError, match="the signature of corner@7 does not fit its manifest"):
        model(paths, "install", bundle)


def test_a_signature_by_another_key_than_it_names_is_refused(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    bundle = delivered(tmp_path)
    private, _ = key(tmp_path)
    sign(bundle, private)
    _, other = key(tmp_path, "other.pem")
    signature = bundle / "bundle.sig"
    signature.write_text(json.dumps(json.loads(signature.read_text()) | {"key": other}))
    with pytest.raises(ModelError, match="does not fit its manifest"):
        model(paths, "install", bundle)
    signature.write_text("{}")
    with pytest.raises(ModelError, match="is no signature that this version knows"):
        model(paths, "install", bundle)


def test_a_key_is_never_overwritten_and_must_be_one(tmp_path: Path) -> None:
    private, _ = key(tmp_path)
    assert isinstance(invoke("model", "keygen", private).exception, UsageError)
    bundle = delivered(tmp_path)
    for file, words in (
        (tmp_path / "none.pem", "cannot read the key"),
        (bundle / "model.onnx", "no private key"),
    ):
        with pytest.raises(UsageError, match=words):
            sign(bundle, file)


def test_a_torn_bundle_is_not_signed(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is not what was approved"):
        sign(_torn(delivered(tmp_path)), key(tmp_path)[0])


def test_settings_that_could_take_no_bundle_are_refused(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    configure(paths, model={"require_signature": True})
    with pytest.raises(QcEdgeError, match="trusted_keys is empty"):
        model(paths, "list")
    configure(paths, model={"trusted_keys": ["anna"]})
    with pytest.raises(QcEdgeError, match="expected 'ed25519:' and 44 signs"):
        model(paths, "list")


def test_the_shipped_bundle_is_left_as_it_is(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    assert model(paths, "install", shipped("models") / "reference/1")["installed"]
    listed = [
        each for each in model(paths, "list")["bundles"] if each["reference"] == "reference@1"
    ]
    assert [Path(each["directory"]).is_relative_to(paths.models) for each in listed] == [True]


def test_a_check_says_why_this_bundle_judges_and_what_is_still_to_come(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    model(paths, "install", delivered(tmp_path))
    assert "the settings name it" in _checked(paths)
    model(paths, "activate", "corner@7", *WHO)
    assert "corner@7, activated by anna" in _checked(paths)
    assert ": to come" in _checked(paths)
    with running(paths):
        pass
    said = _checked(paths)
    assert "corner@7, model sha256" in said
    assert "model.bundle = corner@1 has no effect" in said
    assert "to come" not in said


def _checked(paths: StationPaths) -> str:
    """What `qc-edge check` has seen of the model."""
    return "\n".join(
        each.message for each in check_station(paths.root, NAME) if each.area == "model"
    )
