"""Downloads from a server on this computer that serves, stalls, cuts, lies and changes its mind."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from fcn_studio.errors import DownloadError
from fcn_studio.formats import download as module
from fcn_studio.formats.download import Download, DownloadProgress
from tests.patience import PATIENCE_S

DATA = bytes(range(256)) * 4000
SHA256 = "sha256:" + hashlib.sha256(DATA).hexdigest()
MD5 = "md5:" + hashlib.md5(DATA).hexdigest()


class Server(ThreadingHTTPServer):
    """Answers every request with ``answer``, and remembers the headers of each."""

    daemon_threads = True

    def __init__(self) -> None:
        self.answer: Callable[[Handler], None] = whole
        self.data, self.etag, self.asked = DATA, '"one"', list[dict[str, str]]()
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/net.caffemodel"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(dict(self.headers))
        try:
            self.server.answer(self)
        except OSError:  # who asked has gone
            self.close_connection = True

    def head(self, status: int = 200, **headers: object) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


def whole(handler: Handler) -> None:
    """As an honest server does: ranges, if the file is still the same."""
    server = handler.server
    wanted = handler.headers.get("Range")
    if wanted and handler.headers.get("If-Range", server.etag) == server.etag:
        start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        size = len(server.data)
        if start >= size:
            handler.head(416, Content_Range=f"bytes */{size}", Content_Length=0)
            return
        handler.head(
            206, ETag=server.etag, Content_Length=size - start, Content_Range=f"bytes {start}-{size - 1}/{size}"
        )
        handler.wfile.write(server.data[start:])
        return
    handler.head(ETag=server.etag, Content_Length=len(server.data))
    handler.wfile.write(server.data)


def cut_after(count: int) -> Callable[[Handler], None]:
    """Close the connection after so many bytes of each answer."""

    def answer(handler: Handler) -> None:
        write, left = handler.wfile.write, [count]

        def cut(data: bytes) -> int:
            if not data.startswith(b"HTTP"):
                data = data[: left[0]]
                left[0] -= len(data)
            return write(data)

        handler.wfile.write = cut  # type: ignore[method-assign]
        whole(handler)
        handler.close_connection = True

    return answer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def get(server: Server, path: Path, **how: Any) -> list[DownloadProgress]:
    fields = {"limit": 2 * len(DATA), "digest": SHA256, "plain_http": True, "remedy": "get it by hand", "timeout": 5}
    return list(Download(server.url, **{**fields, **how}).into(path))


def nothing_left(folder: Path) -> bool:
    return not any(path.stat().st_size for path in folder.iterdir() if path.suffix != ".json")


@pytest.mark.parametrize("digest", [SHA256, SHA256[:15], MD5, ""])
def test_a_file_arrives_whole(server: Server, tmp_path: Path, digest: str) -> None:
    steps = get(server, tmp_path / "a" / "net", digest=digest)
    assert (tmp_path / "a" / "net").read_bytes() == DATA
    assert os.listdir(tmp_path / "a") == ["net"]
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    assert steps[-1] == (len(DATA), len(DATA), "Checking")


def test_a_connection_that_is_cut_is_taken_up_again(server: Server, tmp_path: Path) -> None:
    server.answer = cut_after(300_000)
    get(server, tmp_path / "net")
    assert (tmp_path / "net").read_bytes() == DATA
    assert [asked.get("Range") for asked in server.asked] == [None, "bytes=300000-", "bytes=600000-", "bytes=900000-"]
    assert {asked.get("If-Range") for asked in server.asked[1:]} == {'"one"'}


def test_a_download_that_was_stopped_goes_on(server: Server, tmp_path: Path) -> None:
    server.answer = cut_after(300_000)
    steps = Download(server.url, 2 * len(DATA), SHA256, plain_http=True, timeout=5).into(tmp_path / "net")
    next(steps)
    steps.close()  # type: ignore[attr-defined]
    kept = (tmp_path / "net.part").stat().st_size
    assert kept > 0
    assert not (tmp_path / "net").exists()
    server.answer = whole
    get(server, tmp_path / "net")
    assert server.asked[-1]["Range"] == f"bytes={kept}-"
    assert (tmp_path / "net").read_bytes() == DATA


def test_a_file_that_has_changed_meanwhile_begins_anew(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="cannot be downloaded"):
        _stopped(server, tmp_path)
    server.answer, server.data, server.etag = whole, DATA[::-1], '"two"'
    get(server, tmp_path / "net", digest="sha256:" + hashlib.sha256(DATA[::-1]).hexdigest())
    assert (tmp_path / "net").read_bytes() == DATA[::-1]


def _stopped(server: Server, folder: Path) -> None:
    """Ten bytes, then nothing more."""

    def once(handler: Handler) -> None:
        if handler.headers.get("Range"):
            handler.close_connection = True
        else:
            cut_after(10)(handler)

    server.answer = once
    get(server, folder / "net")


def test_a_server_without_ranges_sends_all_again(server: Server, tmp_path: Path) -> None:
    (tmp_path / "net.part").write_bytes(DATA[:5000])
    (tmp_path / "net.part.json").write_text(f'{{"url": "{server.url}", "validator": ""}}')

    def plain(handler: Handler) -> None:
        handler.head(Content_Length=len(DATA))
        handler.wfile.write(DATA)

    server.answer = plain
    get(server, tmp_path / "net")
    assert server.asked[0]["Range"] == "bytes=5000-"
    assert (tmp_path / "net").read_bytes() == DATA


@pytest.mark.parametrize("notes", ["", "[]", '{"url": "http://elsewhere/", "validator": ""}', None])
def test_a_part_of_nobody_knows_what_begins_anew(server: Server, tmp_path: Path, notes: str | None) -> None:
    (tmp_path / "net.part").write_bytes(b"x" * 5000)
    if notes is not None:
        (tmp_path / "net.part.json").write_text(notes)
    get(server, tmp_path / "net")
    assert "Range" not in server.asked[0]
    assert (tmp_path / "net").read_bytes() == DATA


def test_a_part_that_is_longer_than_the_file_begins_anew(server: Server, tmp_path: Path) -> None:
    (tmp_path / "net.part").write_bytes(DATA + b"x")
    (tmp_path / "net.part.json").write_text(f'{{"url": "{server.url}", "validator": ""}}')
    get(server, tmp_path / "net")
    assert (tmp_path / "net").read_bytes() == DATA


# --- what is refused ----------------------------------------------------------------------------------------------


def redirect(to: str) -> Callable[[Handler], None]:
    return lambda handler: handler.head(302, Location=to, Content_Length=0)


def lying_range(handler: Handler) -> None:
    handler.head(206, Content_Length=len(DATA), Content_Range=f"bytes 7-{len(DATA) + 6}/{len(DATA) + 7}")
    handler.wfile.write(DATA)


def without_length(handler: Handler) -> None:
    handler.head()
    while True:
        handler.wfile.write(DATA)


def page(handler: Handler) -> None:
    handler.head(Content_Type="text/html; charset=utf-8", Content_Length=6)
    handler.wfile.write(b"<html>")


def other_file(handler: Handler) -> None:
    handler.head(Content_Length=3)
    handler.wfile.write(b"abc")


def nonsense(handler: Handler) -> None:
    handler.wfile.write(b"\0\xff" * 500)
    handler.close_connection = True


REFUSED: dict[str, tuple[Callable[[Handler], None], str]] = {
    "too large": (lambda handler: handler.head(Content_Length=10**12), "1,000,000,000,000 bytes, but at most"),
    "endless": (without_length, "sends more than it announced"),
    "another file": (other_file, "is not the file"),
    "a page": (page, "a web page in place of the file; get it by hand"),
    "gone": (lambda handler: handler.head(404, Content_Length=0), "404 Not Found; get it by hand"),
    "to a file": (redirect("file:///etc/passwd"), "is not allowed"),
    "to ftp": (redirect("ftp://127.0.0.1/x"), "not a secure address"),
    "another part": (lying_range, "another part than was asked for"),
    "nonsense": (nonsense, "cannot be downloaded"),
    "a cut at once": (cut_after(0), r"ended after 0 of 1,024,000 bytes"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_servers_that_lie_are_refused(server: Server, tmp_path: Path, kind: str) -> None:
    server.answer, words = REFUSED[kind]
    with pytest.raises(DownloadError, match=words) as caught:
        get(server, tmp_path / "net")
    assert len(str(caught.value)) < 600
    assert nothing_left(tmp_path)
    assert not (tmp_path / "net").exists()


def test_redirects_go_round_only_so_often(server: Server, tmp_path: Path) -> None:
    server.answer = redirect(server.url)
    with pytest.raises(DownloadError, match="302"):
        get(server, tmp_path / "net")
    assert len(server.asked) <= 6


def test_plain_http_is_refused_unless_it_is_allowed(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="not a secure address"):
        get(server, tmp_path / "net", plain_http=False)
    assert not server.asked


def test_a_server_that_stalls_is_given_up_and_what_came_is_kept(server: Server, tmp_path: Path) -> None:
    stop, ended = threading.Event(), list[bool]()

    def stall(handler: Handler) -> None:
        if not handler.headers.get("Range"):
            handler.head(ETag='"one"', Content_Length=len(DATA))
            handler.wfile.write(DATA[:1000])
        ended.append(stop.wait(PATIENCE_S))

    server.answer = stall
    with pytest.raises(DownloadError, match=r"does not answer; 0\.0 MB are kept"):
        get(server, tmp_path / "net", timeout=0.1)
    assert not ended, "the server still waits"
    stop.set()
    assert (tmp_path / "net.part").stat().st_size == 1000


def test_two_do_not_write_the_same_part(server: Server, tmp_path: Path) -> None:
    first = Download(server.url, 2 * len(DATA), plain_http=True).into(tmp_path / "net")
    next(first)
    with pytest.raises(DownloadError, match="already"):
        get(server, tmp_path / "net")
    first.close()  # type: ignore[attr-defined]
    get(server, tmp_path / "net")


def test_a_full_disk_is_told(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.shutil, "disk_usage", lambda folder: _Usage(5))
    with pytest.raises(DownloadError, match="make room"):
        get(server, tmp_path / "net")
    monkeypatch.undo()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "replace_file", full)
    with pytest.raises(DownloadError, match="is full: make room"):
        get(server, tmp_path / "net")


class _Usage:
    def __init__(self, free: int) -> None:
        self.free = free


def test_proxies_of_the_environment_are_used(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("no_proxy", "")
    list(Download("http://nowhere.invalid/net", 2 * len(DATA), SHA256, plain_http=True).into(tmp_path / "net"))
    assert server.asked[0]["Host"] == "nowhere.invalid"
