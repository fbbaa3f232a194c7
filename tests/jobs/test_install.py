"""Networks on their way into the library: checked, named, and nothing left behind when it does not work."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from fcn_studio.cli import main
from fcn_studio.errors import CheckpointError, DownloadError, NetworkCannotHelp, UsageError
from fcn_studio.fcn.weights.catalogue import installed, read_info, remove_installed, resolve
from fcn_studio.fcn.weights.checkpoint import load_checkpoint
from fcn_studio.fcn.weights.published import PUBLISHED, PublishedNetwork
from fcn_studio.jobs import headless, sandbox
from fcn_studio.jobs.commands import library
from fcn_studio.jobs.install import install
from fcn_studio.jobs.networks import all_networks, available
from fcn_studio.jobs.protocol import Done, Failed, Installing, InstallJob
from fcn_studio.jobs.sandbox import Conversion, run_sandboxed
from tests.fcn.others import caffe_weights, narrow, network, torchvision_vgg, write
from tests.fork_server import fork_server
from tests.formats.test_download import Handler, Server, cut_after, server, whole  # noqa: F401 - a fixture
from tests.jobs.helpers import Listener
from tests.patience import PATIENCE_S
from tests.trust.test_checkpoints import pickled


@pytest.fixture(scope="module", autouse=True)
def warm_sandboxes() -> Iterator[None]:
    with (
        fork_server("torch", "fcn_studio.fcn.weights.convert", __name__) as method,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr("fcn_studio.jobs.sandbox.START_METHOD", method)
        yield


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FCN_STUDIO_NETWORKS_DIR", str(tmp_path / "networks"))
    monkeypatch.delenv("FCN_STUDIO_OFFLINE", raising=False)
    return tmp_path / "networks"


def run(job: InstallJob) -> tuple[list[Installing], Path]:
    news: list[Installing] = []
    work = install(job)
    while True:
        try:
            news.append(next(work))  # type: ignore[arg-type]
        except StopIteration as end:
            return news, Path(end.value)


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def caffe_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("caffe") / "voc.caffemodel", caffe_weights(network(narrow())))


# --- our own checkpoints ------------------------------------------------------------------------------------------


def test_a_checkpoint_of_ours_is_copied(tiny_network: Path, folder: Path) -> None:
    news, path = run(InstallJob(str(tiny_network), "mine"))
    assert path == folder / "mine.safetensors"
    assert path.read_bytes() == tiny_network.read_bytes()
    assert files(folder) == ["mine.safetensors"]
    assert (news[0].done_bytes, news[0].stage) == (path.stat().st_size, "Copying")
    assert resolve("mine") == path
    assert [(origin, n.name) for origin, n in all_networks(None) if origin == "installed"] == [("installed", "mine")]  # type: ignore[union-attr]
    assert remove_installed("mine") == path
    assert installed() == {}


@pytest.mark.parametrize("name", ["a/b", "..", ".a", "a" * 70, "ä", "a.safetensors", "a\n"])
def test_names_that_cannot_be_had(tiny_network: Path, folder: Path, name: str) -> None:
    with pytest.raises(CheckpointError, match="cannot be a network's name"):
        run(InstallJob(str(tiny_network), name))
    assert not folder.exists()


def test_names_that_are_taken(tiny_network: Path, bundled: dict[str, Path], folder: Path) -> None:
    run(InstallJob(str(tiny_network), "mine"))
    with pytest.raises(CheckpointError, match="installed already"):
        run(InstallJob(str(tiny_network), "mine"))
    with pytest.raises(CheckpointError, match="a bundled network"):
        run(InstallJob(str(tiny_network), "street"))
    with pytest.raises(CheckpointError, match="comes with the program"):
        remove_installed("street")
    with pytest.raises(CheckpointError, match="no network of that name"):
        remove_installed("other")
    assert files(folder) == ["mine.safetensors"]


def test_damaged_and_missing_files_leave_nothing(tmp_path: Path, folder: Path, tiny_network: Path) -> None:
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(tiny_network.read_bytes()[:-5])
    with pytest.raises(CheckpointError, match=r"bad\.safetensors: "):
        run(InstallJob(str(bad)))
    with pytest.raises(CheckpointError, match="neither a published network nor a file"):
        run(InstallJob("vgg99"))
    assert files(folder) == []


# --- foreign files, in the process --------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_caffemodel_is_imported_and_used_by_name(
    caffe_file: Path, folder: Path, micrograph_project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["networks", "import", str(caffe_file), "--as", "own", "--json", str(tmp_path / "own.json")]) == 0
    told = json.loads((tmp_path / "own.json").read_text())
    assert told["classes"][12] == "dog"
    assert told["note"] == "not one of the published files"
    assert told["source_sha256"] == hashlib.sha256(caffe_file.read_bytes()).hexdigest()
    assert files(folder) == ["own.safetensors"]
    result = headless.segment(micrograph_project, network="own", device="cpu", out=tmp_path / "out")
    assert result["written"] == 8
    capsys.readouterr()
    assert main(["networks", "show", "own"]) == 0
    out = capsys.readouterr().out
    assert "voc.caffemodel" in out
    assert "channel_order bgr" in out
    assert main(["networks", "remove", "own"]) == 0
    assert files(folder) == []


@pytest.mark.slow
def test_a_trunk_cannot_label_but_begins_a_fine_tune(tmp_path: Path, micrograph_project: Path) -> None:
    made = network(replace(narrow(), padding="same"), classes=2)
    file = write(tmp_path / "vgg.pth", torchvision_vgg(made))
    _, path = run(InstallJob(str(file)))
    assert read_info(path).trunk_only
    with pytest.raises(NetworkCannotHelp, match="label a few images"):
        headless.segment(micrograph_project, network="vgg", device="cpu")
    with pytest.raises(NetworkCannotHelp, match="a start for fine-tuning"):
        headless.segment(micrograph_project, network="vgg", device="cpu", out=tmp_path / "out")
    from fcn_studio.core.training import Level, TrainConfig

    headless.train(
        micrograph_project, TrainConfig(Level.QUICK, steps=1, batch_size=1), network="vgg", device="cpu",
        out=tmp_path / "tuned.safetensors",
    )  # fmt: skip
    tuned = load_checkpoint(tmp_path / "tuned.safetensors")
    trunk = "trunk.head.fc7.weight"  # kept in half precision
    torch.testing.assert_close(tuned.state[trunk], load_checkpoint(path).state[trunk], rtol=1e-3, atol=1e-3)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_hostile_file_costs_only_a_sentence_in_the_networks_process_too(
    tmp_path: Path, folder: Path, tiny_network: Path
) -> None:
    (tmp_path / "net.pth").write_bytes(pickled(tmp_path / "it ran"))
    listener = Listener()
    try:
        end = listener.end_of(listener.supervisor.submit(InstallJob(str(tmp_path / "net.pth"))))
        assert isinstance(end, Failed)
        assert "net.pth: the file is damaged" in end.sentence
        assert not end.trace
        assert not (tmp_path / "it ran").exists()
        assert files(folder) == []
        end = listener.end_of(listener.supervisor.submit(InstallJob(str(tiny_network), "mine")))
        assert isinstance(end, Done)
        assert end.result == str(folder / "mine.safetensors")
    finally:
        listener.close()


def wait_for_ever(*_: object) -> None:
    threading.Event().wait()


@pytest.mark.skipif(os.name == "nt", reason="processes are killed by signals elsewhere only")
def test_a_process_that_is_killed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "_serve", wait_for_ever)  # it must not end by itself before it is killed
    errand = Conversion(str(tmp_path / "net.pth"), str(tmp_path / "out"))
    work = run_sandboxed(errand)
    next(work)
    import multiprocessing

    (child,) = multiprocessing.active_children()
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)
    with pytest.raises(CheckpointError, match=r"was ended by the system \(SIGKILL\)"):
        list(work)
    assert multiprocessing.active_children() == []


# --- downloads ----------------------------------------------------------------------------------------------------


@pytest.fixture
def row(caffe_file: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> PublishedNetwork:  # noqa: F811
    server.data = caffe_file.read_bytes()
    row = replace(
        PUBLISHED["fcn8s-heavy"], name="test-net", url=server.url, size=len(server.data), architecture=narrow(),
        digest="sha1:" + hashlib.sha1(server.data).hexdigest(),
    )  # fmt: skip
    monkeypatch.setitem(PUBLISHED, row.name, row)
    return row


@pytest.mark.slow
def test_a_published_network_is_downloaded_checked_and_kept(row: PublishedNetwork, folder: Path) -> None:
    assert row in available()
    with pytest.raises(CheckpointError, match="fcn-studio networks download test-net"):
        resolve("test-net")
    news, path = run(InstallJob("test-net"))
    assert path == folder / "test-net.safetensors"
    assert files(folder) == ["test-net.safetensors"]
    assert row not in available()
    info = read_info(path)
    assert (info.source, info.licence) == (row.url, row.licence)
    assert info.note.startswith(row.title)
    assert news[-1].stage == "Checking"


def test_a_download_that_is_cancelled_stops_at_once_and_goes_on_later(
    row: PublishedNetwork,
    server: Server,  # noqa: F811
    folder: Path,
) -> None:
    go_on, ended = threading.Event(), threading.Event()

    def stall(handler: Handler) -> None:
        cut_after(100_000)(handler)
        go_on.wait(PATIENCE_S)
        ended.set()

    server.answer = stall
    work = install(InstallJob("test-net"))
    part = folder / "downloads" / "test-net.part"
    for _ in work:
        if part.exists() and part.stat().st_size >= 50_000:
            break
    work.close()
    assert not ended.is_set(), "the server is not waited for"
    go_on.set()
    assert installed() == {}
    assert part.exists()


@pytest.mark.parametrize("sound", [True, False])
def test_what_a_killed_process_has_downloaded_is_used_if_it_is_what_was_published(
    row: PublishedNetwork,
    server: Server,  # noqa: F811
    folder: Path,
    sound: bool,
) -> None:
    (folder / "downloads").mkdir(parents=True)
    (folder / "downloads" / row.name).write_bytes(server.data if sound else server.data[:-1])
    run(InstallJob(row.name))
    assert bool(server.asked) is not sound
    assert files(folder) == ["test-net.safetensors"]


@pytest.mark.parametrize("how", ["cancelled", "failed"])
def test_a_download_that_is_not_converted_leaves_nothing(
    row: PublishedNetwork,
    server: Server,  # noqa: F811
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:
    if how == "failed":
        server.data = server.data[: len(server.data) // 2]
        half = replace(row, digest="sha1:" + hashlib.sha1(server.data).hexdigest())
        monkeypatch.setitem(PUBLISHED, row.name, half)
    work = install(InstallJob(row.name))
    while next(work).stage != "Converting":  # type: ignore[union-attr]
        pass
    assert (folder / "downloads" / row.name).exists()
    if how == "cancelled":
        work.close()
    else:
        with pytest.raises(CheckpointError, match="damaged"):
            list(work)
    assert files(folder) == []


def test_a_file_with_another_hash_is_refused(row: PublishedNetwork, server: Server, folder: Path) -> None:  # noqa: F811
    server.data = server.data[:-1] + b"x"
    with pytest.raises(CheckpointError, match="this is not the file that was published"):
        run(InstallJob("test-net"))
    assert files(folder) == []


def test_what_nothing_proves_needs_leave(
    row: PublishedNetwork, server: Server, monkeypatch: pytest.MonkeyPatch  # noqa: F811
) -> None:  # fmt: skip
    monkeypatch.setitem(PUBLISHED, row.name, replace(row, digest=""))
    with pytest.raises(DownloadError, match="--allow-unverified"):
        run(InstallJob("test-net"))
    assert not server.asked


@pytest.mark.parametrize("by", ["environment", "setting"])
def test_offline_nothing_is_downloaded(
    row: PublishedNetwork, server: Server, monkeypatch: pytest.MonkeyPatch, by: str, tmp_path: Path  # noqa: F811
) -> None:  # fmt: skip
    if by == "environment":
        monkeypatch.setenv("FCN_STUDIO_OFFLINE", "1")
    else:
        monkeypatch.setenv("FCN_STUDIO_CONFIG_DIR", str(tmp_path))
        (tmp_path / "settings.toml").write_text("format = 1\noffline = true\n")
    with pytest.raises(DownloadError, match=r"offline mode.*networks import FILE --as test-net"):
        run(InstallJob("test-net"))
    assert not server.asked


def test_a_file_is_known_by_its_hash_and_refused_under_a_false_name(
    row: PublishedNetwork, caffe_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "any.caffemodel").write_bytes(caffe_file.read_bytes())
    work = install(InstallJob(str(tmp_path / "any.caffemodel")))
    next(work)
    work.close()
    (tmp_path / "false.caffemodel").write_bytes(b"x")
    with pytest.raises(CheckpointError, match="is not the file that was published as 'test-net'"):
        run(InstallJob(str(tmp_path / "false.caffemodel"), "test-net"))


def test_names_of_classes_are_read_as_windows_editors_write_them(tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_bytes("\ufeffbackground\r\nZelle ä\r\n\r\n".encode())
    assert library._class_names(names) == ("background", "Zelle ä")


def test_names_of_classes_are_for_files_that_have_none(tmp_path: Path, tiny_network: Path, folder: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("background\ncell\n")
    with pytest.raises(UsageError, match=r"says itself what its classes are; leave --classes out"):
        library.import_file(tiny_network, "mine", names)
    assert not folder.exists()


# --- commands -----------------------------------------------------------------------------------------------------


def test_what_can_be_downloaded_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    told = library.networks(None, available=True)["available"]
    assert [row["name"] for row in told] == list(PUBLISHED)
    out = capsys.readouterr().out
    assert "65.5 % on seg11valid" in out
    assert "a start for fine-tuning" in out
    assert library.show("vgg16")["digest"] == "sha256:397923af"
    with pytest.raises(CheckpointError, match="no network 'vgg99'"):
        library.show("vgg99")
    with pytest.raises(UsageError, match="is published"):
        library.download("vgg99", "", allow_unverified=False)
    with pytest.raises(UsageError, match="no such file"):
        library.import_file(Path("gone.pth"), "", None)
