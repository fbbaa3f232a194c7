"""Download of one file.

It resumes where it stopped, never takes more bytes than announced, and is accepted only with the right hash. What has
arrived lies in ``NAME.part``, and in ``NAME.part.json`` what it is a part of; both stay when a download stops, for
the next to go on, and go when they turn out to be of no use. Only the standard library is needed.

Source: RFC 9110, sections 13.1.5 (If-Range), 14 (Range, Content-Range).
"""

from __future__ import annotations

import errno
import hashlib
import http.client
import json
import os
import re
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, NamedTuple
from urllib.parse import urlsplit

from fcn_studio import __version__
from fcn_studio.errors import DownloadError
from fcn_studio.formats.strict_json import parse
from fcn_studio.i18n import tr
from fcn_studio.paths import read_file, replace_file

TIMEOUT = 30.0
"""Seconds without a byte until a connection counts as lost."""

TRIES = 5
"""Connections in a row that may be lost without a byte between."""

_CHUNK = 1 << 18
_MAX_REDIRECTS = 5
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


class DownloadProgress(NamedTuple):
    """So many bytes of so many (0: nobody knows) are done."""

    done: int
    total: int
    stage: str


@dataclass(frozen=True)
class Download:
    """What to get and what is allowed on the way.

    Attributes:
        url: where it lies.
        limit: bytes that it may have at most.
        digest: ``"sha256:..."`` and the like, whole or the first digits; "" for none.
        plain_http: whether the address, and a redirect, may be http; else all is https.
        remedy: what the user can do instead, a clause.
        timeout: seconds without a byte until a connection counts as lost.
    """

    url: str
    limit: int
    digest: str = ""
    plain_http: bool = False
    remedy: str = field(default_factory=lambda: tr("try again later"))
    timeout: float = TIMEOUT

    def into(self, path: Path) -> Iterator[DownloadProgress]:
        """Download the file to ``path`` and yield the progress.

        ``path`` exists once this has ended. Closing the generator stops the download.

        Raises:
            DownloadError: if it cannot be had, is too large, or is not what was published.
        """
        part = Path(f"{path}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(part, "ab") as file:
                _claim(file, part)
                yield from self._fetched(file, part)
                yield DownloadProgress(file.tell(), file.tell(), tr("Checking"))
                self._check(file, part)
                os.fsync(file.fileno())
            os.replace(part, path)
            _forget(part)
        except OSError as error:
            raise DownloadError(self._disk_sentence(part, error)) from error

    def _fetched(self, file: IO[bytes], part: Path) -> Iterator[DownloadProgress]:
        """Connect until all is there. Raises: DownloadError, OSError of the disk."""
        fruitless = 0
        while fruitless < TRIES:
            before = file.tell()
            try:
                with self._connect(file, part) as answer:
                    total = self._begin(answer, file, part)
                    yield from self._received(answer, file, total)
            except _Lost as lost:
                reason = str(lost)
            except urllib.error.HTTPError as error:
                error.close()
                raise DownloadError(
                    tr(
                        "{url}: the server says {code} {reason!s:.200}; {remedy}",
                        url=self.url,
                        code=error.code,
                        reason=error.reason,
                        remedy=self.remedy,
                    )
                ) from error
            else:
                if not total or file.tell() == total:
                    return
                reason = tr("the connection ended after {done:,} of {total:,} bytes", done=file.tell(), total=total)
            fruitless = fruitless + 1 if file.tell() <= before else 0
        if not file.tell():
            raise DownloadError(
                tr(
                    "{url} cannot be downloaded: {reason}, or {remedy}",
                    url=self.url,
                    reason=reason,
                    remedy=self.remedy,
                )
            )
        raise DownloadError(
            tr(
                "{url} cannot be downloaded: {reason}; {kept:.1f} MB are kept, and the next try goes on from there, "
                "or {remedy}",
                url=self.url,
                reason=reason,
                kept=file.tell() / 1e6,
                remedy=self.remedy,
            )
        )

    def _connect(self, file: IO[bytes], part: Path) -> http.client.HTTPResponse:
        """Ask for what is still missing. Raises: DownloadError, HTTPError, _Lost."""
        self.require_scheme(self.url)
        headers = {"User-Agent": f"fcn-studio/{__version__}", "Accept-Encoding": "identity"}
        if file.tell():
            validator = _known(part, self.url)
            if validator is None:
                _restart(file)
            else:
                headers["Range"] = f"bytes={file.tell()}-"
                if validator:
                    headers["If-Range"] = validator
        opener = urllib.request.build_opener(_Redirects(self))
        try:
            answer: http.client.HTTPResponse = opener.open(
                urllib.request.Request(self.url, headers=headers), timeout=self.timeout
            )
        except urllib.error.HTTPError as error:
            if error.code == 416 and file.tell():  # there is no such range: what is here is part of something else
                error.close()
                _restart(file)
                _forget(part)
                raise _Lost(tr("the server has another file now")) from error
            raise
        except (OSError, http.client.HTTPException) as error:
            raise _Lost(_reason(error)) from error
        return answer

    def _begin(self, answer: http.client.HTTPResponse, file: IO[bytes], part: Path) -> int:
        """Check the head of an answer and return the file's size.

        The size is 0 if the answer does not say it. Raises: DownloadError.
        """
        if answer.headers.get_content_type() == "text/html":
            raise DownloadError(
                tr(
                    "{url} answers with a web page in place of the file; {remedy}",
                    url=self.url,
                    remedy=self.remedy,
                )
            )
        length = answer.headers.get("Content-Length", "")
        total = int(length) if length.isascii() and length.isdigit() else 0
        if answer.status == 206:
            match = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
            if match is None or int(match[1]) != file.tell():
                _restart(file)
                _forget(part)
                raise _Lost(tr("the server sends another part than was asked for"))
            total = int(match[2]) if match[2] != "*" else 0
        elif file.tell():  # it gives the whole file, because it cannot do otherwise or because it has changed
            _restart(file)
        if total > self.limit:
            raise DownloadError(
                tr(
                    "{url} has {total:,} bytes, but at most {limit:,} were expected; it is not downloaded",
                    url=self.url,
                    total=total,
                    limit=self.limit,
                )
            )
        missing = total - file.tell()
        if missing > (free := shutil.disk_usage(part.parent).free):
            raise DownloadError(
                tr(
                    "{folder} has {free:.0f} MB left, but {missing:.0f} MB are needed: make room, or let "
                    "FCN_STUDIO_NETWORKS_DIR name another folder",
                    folder=part.parent,
                    free=free / 1e6,
                    missing=missing / 1e6,
                )
            )
        etag = answer.headers.get("ETag", "")
        validator = etag if etag.startswith('"') else answer.headers.get("Last-Modified", "")
        replace_file(_notes(part), json.dumps({"url": self.url, "validator": validator}).encode())
        return total

    def _received(self, answer: http.client.HTTPResponse, file: IO[bytes], total: int) -> Iterator[DownloadProgress]:
        """Write the bytes that arrive.

        Raises: DownloadError if they are too many, _Lost, OSError of the disk.
        """
        while True:
            try:
                chunk = answer.read1(_CHUNK)
            except (OSError, http.client.HTTPException) as error:
                raise _Lost(_reason(error)) from error
            if not chunk:
                return
            if file.tell() + len(chunk) > (total or self.limit):
                _restart(file)
                raise DownloadError(
                    tr("{url} sends more than it announced; what came of it is removed", url=self.url)
                )
            file.write(chunk)
            yield DownloadProgress(file.tell(), total, tr("Downloading"))

    def _check(self, file: IO[bytes], part: Path) -> None:
        """Raise DownloadError if the hash is not the published one.

        The file is then removed.
        """
        file.flush()
        try:
            require_digest(part, self.digest, self.url)
        except DownloadError:
            _restart(file)
            part.unlink(missing_ok=True)
            _forget(part)
            raise

    def require_scheme(self, url: str) -> None:
        """Raise DownloadError if the scheme of an address is not allowed."""
        if urlsplit(url).scheme not in (("http", "https") if self.plain_http else ("https",)):
            raise DownloadError(
                tr(
                    "{url} leads to {target:.200}, which is not a secure address; {remedy}",
                    url=self.url,
                    target=url,
                    remedy=self.remedy,
                )
            )

    def _disk_sentence(self, part: Path, error: OSError) -> str:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return tr("{folder} is full: make room, then the download goes on where it stopped", folder=part.parent)
        return tr("{path} cannot be written: {reason}", path=part, reason=error.strerror or error)


def require_digest(path: Path, digest: str, what: str) -> None:
    """Compare a file with a published hash.

    Raises:
        DownloadError: if it is another file than ``what``.
        OSError: if it cannot be read.
    """
    algorithm, _, expected = digest.partition(":")
    if not expected:
        return
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, algorithm).hexdigest()
    if found.startswith(expected.lower()):
        return
    raise DownloadError(
        tr(
            "this is not the file that was published as {what}: its {algorithm} is {found}, but should begin "
            "with {expected}; it is not used",
            what=what,
            algorithm=algorithm,
            found=found,
            expected=expected,
        )
    )


class _Lost(Exception):  # noqa: N818 - a reason to connect again
    """The connection is gone, and it may be worth another try."""


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a few redirects, and only to addresses that are allowed."""

    max_redirections = _MAX_REDIRECTS

    def __init__(self, download: Download) -> None:
        self._download = download

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        """Return the next request. Raises: DownloadError if its address is not allowed."""
        try:
            self._download.require_scheme(newurl)
        except DownloadError:
            fp.close()
            raise
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _reason(error: Exception) -> str:
    inner = getattr(error, "reason", error)
    if isinstance(inner, TimeoutError):
        return tr("the server does not answer")
    if isinstance(inner, http.client.HTTPException):
        return tr("the server's answer makes no sense ({error})", error=type(inner).__name__)
    return str(getattr(inner, "strerror", None) or inner)[:200] or type(inner).__name__


def _claim(file: IO[bytes], part: Path) -> None:
    """Let no other process write the same part.

    Raises: DownloadError if one does.
    """
    try:
        if os.name == "nt":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined, unused-ignore]
            file.seek(0, os.SEEK_END)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise DownloadError(
            tr("{name} is being downloaded already; wait for it, or stop it", name=part.stem)
        ) from error


def _restart(file: IO[bytes]) -> None:
    file.seek(0)
    file.truncate()


def _notes(part: Path) -> Path:
    return Path(f"{part}.json")


def _forget(part: Path) -> None:
    with suppress(OSError):
        _notes(part).unlink()


def _known(part: Path, url: str) -> str | None:
    """Return the validator of the file that the part belongs to.

    It is "" if unknown, and None if the part comes from another address.
    """
    try:
        notes = parse(read_file(_notes(part), 1 << 16))
        return str(notes["validator"])[:500] if notes["url"] == url else None
    except (OSError, ValueError, TypeError, KeyError):
        return None
