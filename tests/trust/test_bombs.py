"""Images that claim to be large, and small files that ask for much work: refused before it is done."""

from __future__ import annotations

import io
import json
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fcn_studio.errors import ImageError
from fcn_studio.formats.images.images import BYTES_A_PIXEL, read_image
from fcn_studio.formats.images.jpeg_scans import count_scans
from tests.helpers import run_python
from tests.trust.mutators import PNG_HEAD, chunk, zeros

READ_ALL = """
import json, sys
from pathlib import Path
from fcn_studio.errors import ImageError
from fcn_studio.formats.images.images import read_image

def peak():
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) / 1024

folder, found = Path(sys.argv[1]), {}
read_image(folder / "sound.png")
for path in sorted(folder.iterdir()):
    before = peak()
    try:
        height, width = read_image(path).shape[:2]
        outcome = f"{width} x {height}"
    except ImageError as error:
        outcome = str(error)
    found[path.name] = outcome, peak() - before
print(json.dumps(found))
"""

linux = pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")


def read_apart(folder: Path) -> dict[str, tuple[str, float]]:
    """Name -> outcome and MB of memory more, of every file of a folder, read one after the other elsewhere."""
    Image.new("RGB", (8, 8)).save(folder / "sound.png")
    done = run_python(READ_ALL, str(folder))
    assert done.returncode == 0, done.stderr
    found: dict[str, tuple[str, float]] = json.loads(done.stdout)
    assert found.pop("sound.png")[0] == "8 x 8"
    return found


# --- claims -------------------------------------------------------------------------------------------------------


def small(kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16), (40, 90, 160)).save(buffer, kind, **options)
    return buffer.getvalue()


def png(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return PNG_HEAD + chunk(b"IHDR", header) + chunk(b"IDAT", zeros(1)) + chunk(b"IEND", b"")


def jpeg(width: int, height: int, **options: object) -> bytes:
    data = small("JPEG", **options)
    at = data.index(b"\xff\xc2" if options else b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def tiff(width: int, height: int) -> bytes:
    data, start = bytearray(small("TIFF")), 0
    start = int.from_bytes(data[4:8], "little")
    for entry in range(start + 2, start + 2 + 12 * int.from_bytes(data[start : start + 2], "little"), 12):
        tag = int.from_bytes(data[entry : entry + 2], "little")
        if tag in (256, 257, 278):
            data[entry + 2 : entry + 12] = struct.pack("<HII", 4, 1, width if tag == 256 else height)
    return bytes(data)


def gif(width: int, height: int) -> bytes:
    data = small("GIF")
    at = data.index(b",\0\0\0\0") + 5
    size = struct.pack("<HH", width, height)
    return data[:6] + size + data[10:at] + size + data[at + 4 :]


def webp(width: int, height: int) -> bytes:
    data = small("WEBP", lossless=True)
    at = data.index(b"VP8L") + 9
    bits = int.from_bytes(data[at : at + 4], "little") >> 28 << 28 | (height - 1) << 14 | width - 1
    return data[:at] + bits.to_bytes(4, "little") + data[at + 4 :]


def bmp(width: int, height: int) -> bytes:
    data = small("BMP")
    return data[:18] + struct.pack("<ii", width, height) + data[26:]


CLAIMS: dict[str, Callable[[int, int], bytes]] = {
    "png": png, "jpg": jpeg, "tif": tiff, "gif": gif, "webp": webp, "bmp": bmp,
}  # fmt: skip


@linux
def test_claims_of_any_size_are_refused_before_memory_is_taken(tmp_path: Path) -> None:
    for kind, make in CLAIMS.items():
        for side in (8_000, 13_000, 17_000, 50_000):
            if kind != "webp" or side < 1 << 14:  # a WebP cannot claim more
                (tmp_path / f"{side}.{kind}").write_bytes(make(side, side))
    found = read_apart(tmp_path)
    assert len(found) == 22
    for name, (outcome, mb) in found.items():
        side = int(name.partition(".")[0])
        if name == "8000.webp":  # 64 megapixels are allowed, and a WebP of one colour needs no bits for them
            assert outcome == "8000 x 8000"
            assert mb * 2**20 / side**2 < 18
            continue
        # In the others they are not there. A GIF's canvas, of one byte a pixel, is made before its frame.
        assert mb < (70 if name == "8000.gif" else 20 if side == 8_000 else 1), (name, mb)
        words = {13_000: "169 million", 17_000: "289 million"}
        if side == 8_000:
            assert "damaged or cut off" in outcome, (name, outcome)
        elif side == 50_000:
            assert f"{name}: 50000 x 50000 pixels is over 2 gigapixels, which is never opened" in outcome
        else:
            assert side in words
            memory = side * side * (18 if "webp" in name else BYTES_A_PIXEL) / 1e9
            assert f"{name}: {side} x {side} pixels is over the limit of 100 million, and would take" in outcome
            assert f"about {memory:.1f} GB of memory" in outcome
            assert f"--max-pixels {side * side} on the command line" in outcome


def test_two_gigapixels_are_the_end_whatever_the_limit(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(40_000, 50_001))
    with pytest.raises(ImageError, match="over 2 gigapixels"):
        read_image(tmp_path / "a.png", max_pixels=10**12)


@linux
def test_what_an_allowed_image_takes_is_what_is_said(tmp_path: Path) -> None:
    side = 3000
    picture = Image.new("RGB", (side, side), (40, 90, 160))
    picture.save(tmp_path / "1 rgb.png", compress_level=1)
    picture.convert("RGBA").save(tmp_path / "2 rgba.png", compress_level=1)
    picture.save(tmp_path / "3.jpg")
    for name, (outcome, mb) in read_apart(tmp_path).items():
        assert outcome == f"{side} x {side}", name
        annotation = 2  # bytes a pixel that this process does not take
        assert mb * 2**20 / side**2 < BYTES_A_PIXEL - annotation + 2, (name, mb)


# --- work ---------------------------------------------------------------------------------------------------------


def scans(times: int, side: int = 64) -> bytes:
    """A progressive JPEG whose last scan comes so many times more."""
    buffer = io.BytesIO()
    Image.new("RGB", (side, side), (40, 90, 160)).save(buffer, "JPEG", progressive=True)
    data = buffer.getvalue()
    return data[:-2] + data[data.rfind(b"\xff\xda") : -2] * times + data[-2:]


def test_scans_are_counted_to_the_end_marker() -> None:
    assert count_scans(small("JPEG")) == 1
    assert count_scans(small("JPEG") + scans(40)) == 1  # what lies behind is none of the picture
    assert count_scans(small("JPEG", progressive=True)) == 10
    assert count_scans(scans(40) + b"\xff\xda" * 200) == 50
    assert count_scans(b"\xff\xd8") == count_scans(b"") == 0


def test_a_jpeg_of_endless_scans_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(scans(60))
    assert read_image(path).shape == (64, 64, 3)
    path.write_bytes(scans(20_000, 3000))  # a minute of work in 300 kB
    with pytest.raises(ImageError, match="20010 scans are too many"):
        read_image(path)
    path.write_bytes(scans(40, 1000))  # few enough for a small picture, too many for the largest that is allowed
    with pytest.raises(ImageError, match="50 scans are too many for a picture of 1000 x 1000"):
        read_image(path, max_pixels=1_200_000)


def test_a_jpeg_of_few_bytes_holds_no_large_picture(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    for options in ({}, {"progressive": True}):
        path.write_bytes(jpeg(9000, 9000, **options))
        with pytest.raises(ImageError, match="cannot hold 9000 x 9000 pixels"):
            read_image(path)
    Image.new("L", (4000, 4000)).save(path, progressive=True, optimize=True, quality=1)  # as small as they get
    assert read_image(path).shape == (4000, 4000, 3)


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"iCCP"])
def test_inflated_words_are_refused_or_let_be(tmp_path: Path, kind: bytes) -> None:
    data = small("PNG")
    head = {b"zTXt": b"a\0\0", b"iTXt": b"a\0\1\0\0\0", b"iCCP": b"a\0\0"}[kind]
    (tmp_path / "a.png").write_bytes(data[:33] + chunk(kind, head + zeros(64)) + data[33:])
    started = time.process_time()
    try:
        assert np.asarray(read_image(tmp_path / "a.png")).shape == (16, 16, 3)
    except ImageError as error:
        assert "too large" in str(error)  # noqa: PT017 - either is well
    assert time.process_time() - started < 0.5
