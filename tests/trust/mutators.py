"""Ways to spoil a file: blind ones, and ones that know the format and so come past its checksums."""

from __future__ import annotations

import json
import random
import re
import struct
import zlib
from collections.abc import Callable
from functools import cache
from typing import Any

Mutator = Callable[[random.Random, bytes], bytes]
"""Makes a spoiled copy of a file."""

NUMBERS = (0, 1, 2, 3, 7, 127, 128, 255, 256, 4095, 9_999, 32_767, 32_768, 65_535, 65_536, 2**24, 2**31 - 1, 2**31,
           2**32 - 1)  # fmt: skip


# --- blind --------------------------------------------------------------------------------------------------------


def blind(rng: random.Random, data: bytes) -> bytes:
    """One to three spoilings that know nothing of the format."""
    for _ in range(rng.randint(1, 3)):
        data = rng.choice((_flip, _flip, _run, _cut, _splice, _number, _drop, _repeat))(rng, data)
    return data


def _span(rng: random.Random, data: bytes, longest: int) -> tuple[int, int]:
    """(start, end) of a piece; the head, where most of the meaning is, is as likely as all the rest."""
    start = rng.randrange(min(len(data), 64) if rng.random() < 0.5 else len(data)) if data else 0
    return start, min(len(data), start + rng.randint(1, longest))


def _flip(rng: random.Random, data: bytes) -> bytes:
    spoiled = bytearray(data)
    for _ in range(rng.randint(1, 8) if data else 0):
        spoiled[_span(rng, data, 1)[0]] ^= 1 << rng.randrange(8)
    return bytes(spoiled)


def _run(rng: random.Random, data: bytes) -> bytes:
    start, end = _span(rng, data, 64)
    return data[:start] + bytes([rng.choice((0, 255, rng.randrange(256)))]) * (end - start) + data[end:]


def _cut(rng: random.Random, data: bytes) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _splice(rng: random.Random, data: bytes) -> bytes:
    start, end = _span(rng, data, 256)
    place = rng.randrange(len(data) + 1)
    return data[:place] + data[start:end] + data[place + (end - start) * rng.randint(0, 1) :]


def _number(rng: random.Random, data: bytes) -> bytes:
    start, width = _span(rng, data, 1)[0], rng.choice((1, 2, 4, 8))
    number = rng.choice(NUMBERS) & (256**width - 1)
    return data[:start] + number.to_bytes(width, rng.choice(("little", "big"))) + data[start + width :]


def _drop(rng: random.Random, data: bytes) -> bytes:
    start, end = _span(rng, data, 64)
    return data[:start] + data[end:]


def _repeat(rng: random.Random, data: bytes) -> bytes:
    start, end = _span(rng, data, 64)
    return data[:end] + data[start:end] * rng.randint(1, 50) + data[end:]


# --- PNG ----------------------------------------------------------------------------------------------------------

PNG_HEAD = b"\x89PNG\r\n\x1a\n"
_TEXTS = (b"zTXt", b"iTXt", b"tEXt", b"iCCP", b"eXIf", b"tRNS", b"PLTE", b"acTL", b"fcTL", b"pHYs", b"gAMA", b"sRGB")


def chunk(kind: bytes, body: bytes) -> bytes:
    """A chunk of a PNG with a true checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


@cache
def zeros(megabytes: int) -> bytes:
    """So much of nothing, deflated 1,000 to 1."""
    return zlib.compress(bytes(megabytes << 20), 9)


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    found, place = [], len(PNG_HEAD)
    while place + 8 <= len(data):
        length = int.from_bytes(data[place : place + 4])
        found.append((data[place + 4 : place + 8], data[place + 8 : place + 8 + length]))
        place += 12 + length
    return found


def png(rng: random.Random, data: bytes) -> bytes:
    """Chunks changed, moved, doubled, blown up, with their checksums set right."""
    chunks = _chunks(data)
    for _ in range(rng.randint(1, 3)):
        place = rng.randrange(len(chunks))
        rng.choice((_png_body, _png_header, _png_header, _png_extra, _png_bomb, _png_order, _png_pixels))(
            rng, chunks, place
        )
    return PNG_HEAD + b"".join(chunk(kind, body) for kind, body in chunks)


def _png_body(rng: random.Random, chunks: list[tuple[bytes, bytes]], place: int) -> None:
    kind, body = chunks[place]
    chunks[place] = kind, blind(rng, body)


def _png_header(rng: random.Random, chunks: list[tuple[bytes, bytes]], place: int) -> None:
    place = next((i for i, (kind, _) in enumerate(chunks) if kind == b"IHDR"), 0)
    fields = list(struct.unpack(">IIBBBBB", chunks[place][1].ljust(13, b"\0")[:13]))
    field = rng.choice((0, 1, 2, 3, 6))
    fields[field] = rng.choice(NUMBERS) if field < 2 else rng.choice((0, 1, 2, 3, 4, 6, 8, 16, 255))
    chunks[place] = b"IHDR", struct.pack(">IIBBBBB", *fields)


def _png_extra(rng: random.Random, chunks: list[tuple[bytes, bytes]], place: int) -> None:
    chunks.insert(place, (rng.choice(_TEXTS), rng.randbytes(rng.choice((0, 1, 3, 26, 255, 768, 3000)))))


def _png_bomb(rng: random.Random, chunks: list[tuple[bytes, bytes]], place: int) -> None:
    kind = rng.choice((b"zTXt", b"iTXt", b"iCCP", b"IDAT"))
    head = {b"zTXt": b"a\0\0", b"iTXt": b"a\0\1\0\0\0", b"iCCP": b"a\0\0"}.get(kind, b"")
    chunks.insert(rng.randint(1, len(chunks)), (kind, head + zeros(rng.choice((1, 16, 64)))))


def _png_order(rng: random.Random, chunks: list[tuple[bytes, bytes]], place: int) -> None:
    moved = chunks[place] if rng.random() < 0.5 else chunks.pop(place)
    chunks.insert(rng.randint(0, len(chunks)), moved)


def _png_pixels(rng: random.Random, chunks: list[tuple[bytes, bytes]], place: int) -> None:
    """Rows that are too few, too many or of impossible filters, well deflated."""
    body = zlib.compress(rng.choice((rng.randbytes(300), bytes([rng.randrange(256)]) * rng.randrange(200_000))))
    chunks[:] = [c for c in chunks if c[0] != b"IDAT"]
    chunks.insert(max(1, len(chunks) - 1), (b"IDAT", body))


# --- JPEG ---------------------------------------------------------------------------------------------------------


def jpeg(rng: random.Random, data: bytes) -> bytes:
    """Segments with other lengths, sizes, tables and orders; scans over and over."""
    marks = [m.start() for m in re.finditer(rb"\xff[\xc0-\xcf\xda-\xef\xfe]", data, re.DOTALL)] or [0]
    place = rng.choice(marks)
    length = int.from_bytes(data[place + 2 : place + 4])
    segment = data[place : place + 2 + length]
    way = rng.randrange(6)
    if way == 0:
        return data[: place + 2] + rng.choice(NUMBERS).to_bytes(5)[-2:] + data[place + 4 :]
    if way == 1:  # a size in the start of frame
        frame = re.search(rb"\xff[\xc0-\xc2]", data, re.DOTALL)
        at = (frame.start() if frame else 0) + rng.choice((5, 7))
        return data[:at] + rng.choice((0, 1, 4_000, 9_999, 65_500, 65_535)).to_bytes(2) + data[at + 2 :]
    if way == 2:
        return data[:place] + segment[:4] + blind(rng, segment[4:]) + data[place + 2 + length :]
    if way == 3:
        return data[:place] + segment * rng.choice((2, 3, 50)) + data[place:]
    if way == 4:
        body = rng.choice((b"Exif\0\0", b"Exif\0\0II*\0\x08\0\0\0\xff\xff", b"MPF\0", b"ICC_PROFILE\0\1\1", b""))
        body += rng.randbytes(rng.choice((0, 10, 200)))
        kind = rng.choice((0xE0, 0xE1, 0xE2, 0xED, 0xEE, 0xDD, 0xDC, 0xFE))
        return data[:2] + bytes([0xFF, kind]) + (len(body) + 2).to_bytes(2) + body + data[2:]
    scan = data.rfind(b"\xff\xda")
    return data[:-2] + data[scan:-2] * rng.choice((2, 30, 300)) + data[-2:]


# --- TIFF ---------------------------------------------------------------------------------------------------------

_COMPRESSIONS = (1, 2, 3, 4, 5, 6, 7, 8, 32773, 32946, 34712, 34925, 50000, 50001)
_TAGS = (254, 256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 282, 284, 317, 320, 322, 323, 324, 330, 338, 339,
         347, 530, 700, 33723, 34665, 34675)  # fmt: skip


def tiff(rng: random.Random, data: bytes) -> bytes:
    """Entries of the directory of a little-endian TIFF changed; directories that go in circles."""
    spoiled = bytearray(data)
    start = int.from_bytes(data[4:8], "little")
    count = int.from_bytes(data[start : start + 2], "little")
    for _ in range(rng.randint(1, 3)):
        entry = start + 2 + 12 * rng.randrange(max(1, count))
        tag = int.from_bytes(data[entry : entry + 2], "little")
        way = rng.randrange(6)
        if way == 0:
            spoiled[entry : entry + 2] = rng.choice(_TAGS).to_bytes(2, "little")
        elif way == 1:
            spoiled[entry + 2 : entry + 4] = rng.randrange(20).to_bytes(2, "little")
        elif way == 2:
            spoiled[entry + 4 : entry + 8] = rng.choice(NUMBERS).to_bytes(4, "little")
        elif way == 3:
            value = rng.choice(_COMPRESSIONS) if tag == 259 else rng.choice(NUMBERS)
            spoiled[entry + 8 : entry + 12] = value.to_bytes(4, "little")
        elif way == 4:  # the next directory is this one, or nowhere
            spoiled[start + 2 + 12 * count : start + 6 + 12 * count] = rng.choice((start, 0xFFFF_FFF0)).to_bytes(
                4, "little"
            )
        else:
            spoiled[4:8] = rng.choice((0, 4, start - 1, start + 2, len(data), 2**32 - 1)).to_bytes(4, "little")
    return bytes(spoiled)


# --- the headers of the others ------------------------------------------------------------------------------------


def header(rng: random.Random, data: bytes) -> bytes:
    """Numbers and bits of the first 64 bytes changed: GIF, WebP, BMP, PNM, AVIF, JPEG 2000."""
    spoiled = data
    for _ in range(rng.randint(1, 3)):
        at, width = rng.randrange(min(len(data), 64)), rng.choice((1, 2, 4))
        number = rng.choice((rng.choice(NUMBERS), rng.randrange(256**width))) & (256**width - 1)
        spoiled = spoiled[:at] + number.to_bytes(width, rng.choice(("little", "big"))) + spoiled[at + width :]
    return spoiled


# --- JSON and TOML ------------------------------------------------------------------------------------------------

_STRINGS = (
    "", " ", "\0", "a\nb", "a\r\nb", "\ud800", "\u202e", "..", "../../etc/passwd", "/dev/zero", "//host/share", "~",
    "C:\\x.safetensors", "x" * 300, "x" * 70_000, "255", "verified", "background",
)  # fmt: skip
_RAW = (
    "9" * 5000, "-" + "9" * 400, "NaN", "Infinity", "-Infinity", "1e400", "[" * 3000, '{"a":' * 3000, "1.5", "-1",
    "0", "255", "256", "4294967296", "true", "false", "null", "[]", "{}", "[[]]", "[null]", '{"a": 1}',
)  # fmt: skip


def json_text(rng: random.Random, data: bytes) -> bytes:
    """Values of another type, absurd numbers and depths, keys that are missing or double."""
    tree = json.loads(data)
    raws: list[str] = []
    for _ in range(rng.randint(1, 2)):
        tree = _spoil_node(rng, tree, raws)
    text = json.dumps(tree)
    for number, raw in enumerate(raws):
        text = text.replace(f'"@@{number}@@"', raw)
    return text.encode("utf-8", "surrogatepass")


def json_lines(rng: random.Random, data: bytes) -> bytes:
    """One line of several JSON texts made another one."""
    lines = data.splitlines()
    at = rng.randrange(len(lines))
    return b"\n".join([*lines[:at], json_text(rng, lines[at]), *lines[at + 1 :]])


def _spoil_node(rng: random.Random, node: Any, raws: list[str]) -> Any:
    """The tree with one node, chosen on the way down, changed."""
    if isinstance(node, dict | list) and node and rng.random() < 0.8:
        key = rng.choice(list(node) if isinstance(node, dict) else range(len(node)))
        copy = node.copy()
        if rng.random() < 0.1:
            del copy[key]
        elif isinstance(copy, dict) and rng.random() < 0.1:
            copy[rng.choice(_STRINGS)] = copy.pop(key)
        elif isinstance(copy, dict) and rng.random() < 0.1:
            raws.append(f'1, "{key}": ' + rng.choice(_RAW))
            copy[key] = f"@@{len(raws) - 1}@@"
        elif isinstance(copy, list) and rng.random() < 0.2:
            copy *= rng.choice((2, 300))
        else:
            copy[key] = _spoil_node(rng, node[key], raws)
        return copy
    if rng.random() < 0.5:
        return rng.choice(_STRINGS)
    raws.append(rng.choice(_RAW))
    return f"@@{len(raws) - 1}@@"


_ATTRIBUTES = (
    "", "-1", "0", "1e400", "nan", "inf", "9" * 5000, "4294967296", "1,2", "1,2;3", ",;,", "0, " * 20_000 + "1",
    "1,2;" * 20_000 + "1,2", "1.5", "x" * 70_000, "../../etc/passwd", "&a;", "&#0;", "<",
)  # fmt: skip


def xml_attributes(rng: random.Random, data: bytes) -> bytes:
    """One attribute of another value, or a tag that is missing or nests thousands of times."""
    found = rng.choice(list(re.finditer(rb'"[^"]*"', data)))
    if rng.random() < 0.8:
        return data[: found.start() + 1] + rng.choice(_ATTRIBUTES).encode() + data[found.end() - 1 :]
    found = rng.choice(list(re.finditer(rb"<[^>]*>", data)))
    return data[: found.start()] + found[0] * rng.choice((0, 2, 5000)) + data[found.end() :]


_TOML = (
    "9" * 5000, "-1", "255", "1e400", "nan", "inf", "-inf", '""', '"\\u0000"', '"a\\nb"', '"""', "'''", "[" * 3000,
    "{a=" * 3000, "{a=" * 50 + "1" + "}" * 50, "[" + "1," * 5000 + "]", "2020-13-45", "1979-05-27T07:32:00Z", "true",
    "{}", "[]", "0x" + "f" * 900, '"' + "x" * 70_000 + '"', '"\\ud800"', "", "=", '"#12345"',
)  # fmt: skip
_TABLES = ("[a]", "[[class]]", "[class]", "[split]", "[split.x]", "[[split]]", "[", "]")


def toml_text(rng: random.Random, data: bytes) -> bytes:
    """Lines with other values, lines double, missing or moved, tables that go deep."""
    lines = data.decode("utf-8", "replace").splitlines()
    for _ in range(rng.randint(1, 3)):
        place = rng.randrange(len(lines))
        way = rng.randrange(6)
        if way <= 1:
            lines[place] = lines[place].partition("=")[0] + "= " + rng.choice(_TOML)
        elif way == 2:
            lines[place : place + 1] = [lines[place]] * rng.choice((0, 2, 300))
        elif way == 3:
            lines.insert(place, rng.choice(_TABLES))
        elif way == 4:
            lines.insert(place, ".".join("a" * rng.choice((2, 100, 3000))) + " = 1")
        else:
            lines.insert(place, lines.pop(rng.randrange(len(lines))))
        lines = lines or [""]
    return "\n".join(lines).encode()


# --- safetensors --------------------------------------------------------------------------------------------------


def safetensors(rng: random.Random, data: bytes) -> bytes:
    """The JSON header, and the description within it, changed as `json_text` does, and the lengths made to fit."""
    length = int.from_bytes(data[:8], "little")
    head, body = json.loads(data[8 : 8 + length]), data[8 + length :]
    way = rng.randrange(4)
    if way == 0:
        return rng.choice(NUMBERS).to_bytes(8, "little") + data[8:]
    if way == 1:
        described = json_text(rng, head["__metadata__"]["fcn_studio"].encode())
        head["__metadata__"]["fcn_studio"] = described.decode("utf-8", "replace")
        text = json.dumps(head).encode()
    elif way == 2:
        text = json_text(rng, data[8 : 8 + length])
    else:
        key = rng.choice([k for k in head if k != "__metadata__"])
        field = rng.choice(("shape", "data_offsets", "dtype"))
        head[key][field] = rng.choice(([0], [2**62, 2**62], [1] * 200, [-1, 5], [5, 1], [0, 2**63], [0, len(body)],
                                       "F64", "F8_E4M3", "BOOL", "I64", "X"))  # fmt: skip
        text = json.dumps(head).encode()
    return len(text).to_bytes(8, "little") + text + body


# --- stroke journals ----------------------------------------------------------------------------------------------


def journal_frames(rng: random.Random, data: bytes) -> bytes:
    """Spoil the payload of one frame, leave frames out or repeat them, and make all checksums right again."""
    magic, at, payloads = data[:8], 8, []
    while at < len(data):
        (length,) = struct.unpack_from("<I", data, at)
        payloads.append(data[at + 8 : at + 8 + length])
        at += 8 + length
    chosen = rng.randrange(len(payloads))
    if rng.random() < 0.2:
        payloads.insert(rng.randrange(len(payloads)), payloads[chosen])
    elif rng.random() < 0.2:
        del payloads[chosen]
    else:
        payloads[chosen] = blind(rng, payloads[chosen])
    spoiled, crc = magic, zlib.crc32(magic)
    for payload in payloads:
        crc = zlib.crc32(payload, crc)
        spoiled += struct.pack("<II", len(payload), crc) + payload
    return spoiled


# --- protocol buffers ---------------------------------------------------------------------------------------------


def wire(rng: random.Random, data: bytes) -> bytes:
    """Keys and lengths of a message's fields changed, fields left out, repeated and put into each other."""
    fields, at = [], 0
    while at < len(data):
        start = at
        while data[at] & 0x80:
            at += 1
        key, at = data[at], at + 1
        length, shift = 0, 0
        if key & 7 == 2:
            while True:
                length |= (data[at] & 0x7F) << shift
                shift, at = shift + 7, at + 1
                if data[at - 1] < 0x80:
                    break
            at += length
        elif key & 7 == 0:
            while data[at] & 0x80:
                at += 1
            at += 1
        else:
            at += 4 if key & 7 == 5 else 8
        fields.append(data[start:at])
    place = rng.randrange(len(fields))
    field = fields[place]
    way = rng.randrange(6)
    if way == 0:
        number = rng.choice((2**14, 2**31, 2**62, 2**63, 2**64 - 1, 0, 1))
        groups = [number >> shift & 0x7F for shift in range(0, max(7, number.bit_length()), 7)]
        fields[place] = field[:2] + bytes([*(g | 0x80 for g in groups[:-1]), groups[-1]]) + field[2:]
    elif way == 1:
        fields[place] = bytes([rng.randrange(256)]) + field[1:]
    elif way == 2:
        fields[place : place + 1] = [field] * rng.choice((0, 2, 300))
    elif way == 3:
        fields[place] = field[: rng.randrange(len(field))]
    elif way == 4:
        fields.insert(
            rng.randrange(len(fields)), rng.choice((b"\x2d\0\0\0\0", b"\x41" + bytes(8), b"\x0b", b"\x08\x01")) * 40
        )
    else:
        fields[place] = blind(rng, field)
    return b"".join(fields)
