"""Mutations of bytes and of TOML; each is a function of its dice alone, so that a number makes it again."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from random import Random

Mutation = Callable[[bytearray, Random], bytearray]

# Values at which widths, signs and divisions break.
EDGES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
HUGE = (4096, 8191, 8192, 16384, 30000, 65535, 100_000, 2**31 - 1)
# Where headers are: the first bytes of stills and Matroska, and the atoms that may stand at an mp4's end.
ATOMS = re.compile(
    rb"ftyp|moov|mvhd|trak|tkhd|edts|elst|mdia|mdhd|hdlr|minf|stbl|stsd|avc1|avcC|hvc1|hvcC|colr|pasp|mp4a|esds"
    rb"|stts|ctts|stss|stsc|stsz|stco|co64|mdat|moof|traf|RIFF|hdrl|avih|strl|strh|strf|movi|idx1|IHDR|IDAT|PLTE|gAMA|IEND"
)


def flip_bits(data: bytearray, dice: Random) -> bytearray:
    """Turn over 1 to 64 single bits anywhere."""
    for _ in range(dice.choice((1, 2, 8, 64))):
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    return data


def flip_header(data: bytearray, dice: Random) -> bytearray:
    """Replace up to eight of the first 600 bytes."""
    for _ in range(dice.randint(1, 8)):
        data[dice.randrange(min(600, len(data)))] = dice.choice((0, 0xFF, 0x80, dice.randrange(256)))
    return data


def truncate(data: bytearray, dice: Random) -> bytearray:
    """Keep the beginning, as a broken copy does."""
    return data[: dice.randrange(len(data))]


def behead(data: bytearray, dice: Random) -> bytearray:
    """Lose some of the first bytes."""
    return data[dice.randrange(1, min(200, len(data))) :]


def zero_range(data: bytearray, dice: Random) -> bytearray:
    """A block that was never written."""
    start, length = dice.randrange(len(data)), dice.choice((4, 64, 512, 4096))
    data[start : start + length] = bytes(len(data[start : start + length]))
    return data


def noise_range(data: bytearray, dice: Random) -> bytearray:
    """A block of something else."""
    start, length = dice.randrange(len(data)), dice.choice((4, 64, 512, 4096))
    data[start : start + length] = dice.randbytes(len(data[start : start + length]))
    return data


def repeat_chunk(data: bytearray, dice: Random) -> bytearray:
    """A chunk stands twice, or hundreds of times."""
    start, length = dice.randrange(len(data)), dice.choice((8, 128, 2048))
    return data[:start] + data[start : start + length] * dice.choice((1, 2, 300)) + data[start:]


def swap_chunks(data: bytearray, dice: Random) -> bytearray:
    """Two chunks change places."""
    length = dice.choice((8, 128, 1024))
    a, b = (dice.randrange(len(data)) for _ in range(2))
    data[a : a + length], data[b : b + length] = data[b : b + length], data[a : a + length]
    return data


def drop_chunk(data: bytearray, dice: Random) -> bytearray:
    """A chunk is missing, and all behind it moves up."""
    start = dice.randrange(len(data))
    del data[start : start + dice.choice((1, 4, 32, 1024))]
    return data


def append_garbage(data: bytearray, dice: Random) -> bytearray:
    """Something stands behind the end."""
    return data + dice.randbytes(dice.choice((1, 64, 100_000)))


def edit_atom(data: bytearray, dice: Random) -> bytearray:
    """Another size, name or first field of an atom or chunk of mp4, mov, avi or png."""
    found = [match.start() for match in ATOMS.finditer(data)]
    if not found:
        return edit_number(data, dice)
    at = dice.choice(found)
    place = dice.choice((at - 4, at - 4, at, at + 4))
    value = dice.choice((*EDGES, len(data), dice.randrange(2**32), dice.randrange(200)))
    return _write(data, max(0, place), struct.pack(">I", value))


def edit_number(data: bytearray, dice: Random) -> bytearray:
    """A field of 16, 32 or 64 bits takes a value at an edge."""
    value = dice.choice(EDGES)
    form = dice.choice((">H", "<H", ">I", "<I", ">Q", "<Q"))
    width = 8 * struct.calcsize(form)
    return _write(data, dice.randrange(len(data)), struct.pack(form, value & ((1 << width) - 1)))


def edit_field(data: bytearray, dice: Random) -> bytearray:
    """Times, scales, sizes or counts in the fields of one mp4 or avi header, where a player reads them."""
    found = [m.start() for m in ATOMS.finditer(data) if m.group() in _FIELDS]
    if not found:
        return huge_size(data, dice)
    at = dice.choice(found)
    big = dice.random() < 0.6
    value = dice.choice((*EDGES, *HUGE, dice.randrange(2**32)))
    return _write(data, at + 4 + 4 * dice.randrange(8), struct.pack(">I" if big else "<I", value))


_FIELDS = {b"mvhd", b"tkhd", b"mdhd", b"elst", b"stts", b"ctts", b"stsz", b"stsc", b"avih", b"strh", b"strf"}


def huge_size(data: bytearray, dice: Random) -> bytearray:
    """Width and height of a picture in the header where its format keeps them; else where 96 or 64 stands."""
    width, height = dice.choice(HUGE), dice.choice((1, *HUGE))
    if data.startswith(b"\x89PNG"):
        return _write(data, 16, struct.pack(">II", width, height))
    if data.startswith(b"GIF8"):
        return _write(data, 6, struct.pack("<HH", width & 0xFFFF, height & 0xFFFF))
    if data.startswith(b"\xff\xd8") and (frame := data.find(b"\xff\xc0")) > 0:
        return _write(data, frame + 5, struct.pack(">HH", height & 0xFFFF, width & 0xFFFF))
    places = [m.start() for m in re.finditer(rb"\x00\x60\x00\x40|\x60\x00\x00\x00\x40\x00\x00\x00", data)]
    if not places:
        return edit_number(data, dice)
    return _write(data, dice.choice(places), struct.pack(">HH", width & 0xFFFF, height & 0xFFFF))


def _write(data: bytearray, at: int, value: bytes) -> bytearray:
    data[at : at + len(value)] = value
    return data


MEDIA: tuple[Mutation, ...] = (
    flip_bits, flip_header, truncate, behead, zero_range, noise_range, repeat_chunk, swap_chunks, drop_chunk,
    append_garbage, edit_atom, edit_atom, edit_number, edit_field, edit_field, huge_size,
)  # fmt: skip

ODD_TEXTS = (
    "\0", "\x07", "\ufeff", "\u202e", "\u200d", "\U0001f980", "e\u0301", "\u2028", "\x7f", "<b>", "{subject}", "../x",
    "[", "]", "=", '"', "'''", '"""', "#", "\\", "\r", "\n\n", "\t", " ", ".", ",", "$(x)", "%s", "{}", "%",
)  # fmt: skip
ODD_VALUES = (
    "0", "-1", "1e999", "-inf", "nan", "9" * 30, "9" * 5000, "0x" + "f" * 6000, "1e-400", "true",
    '""', "[]", "{}",
    "[[]]", "[1, 'a']", "1979-05-27T07:32:00Z", "07:32:00", "{ a = { b = { c = 1 } } }", '"\\u0000"', '"\\uD800"',
    '"' + "x" * 100_000 + '"', "[" * 2000 + "]" * 2000, "[" + "{ a = " * 800 + "1" + " }" * 800 + "]", "-0", "0.0",
    '["{subject}", "{x}", "{0}"]', '"~"', '"/"', '"file:///etc/passwd"', "'\\'", "0b1", "1_0", "[" + "1," * 9999 + "]",
)  # fmt: skip


def insert_text(data: bytearray, dice: Random) -> bytearray:
    """A sign with a meaning of its own, anywhere."""
    at = dice.randrange(len(data) + 1)
    return data[:at] + dice.choice(ODD_TEXTS).encode() * dice.choice((1, 1, 1, 2000)) + data[at:]


def break_bytes(data: bytearray, dice: Random) -> bytearray:
    """Bytes that are no UTF-8, or flipped bits."""
    if dice.random() < 0.5:
        return flip_bits(data, dice)
    at = dice.randrange(len(data) + 1)
    return data[:at] + dice.choice((b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf8\x88", b"\x80")) + data[at:]


def other_value(data: bytearray, dice: Random) -> bytearray:
    """A value of another type or of an absurd size."""
    lines = _lines(data)
    places = [i for i, line in enumerate(lines) if b"=" in line]
    if places:
        at = dice.choice(places)
        lines[at] = lines[at].partition(b"=")[0] + b"= " + dice.choice(ODD_VALUES).encode()
    return bytearray(b"\n".join(lines))


def swap_values(data: bytearray, dice: Random) -> bytearray:
    """Two keys take each other's values."""
    lines = _lines(data)
    places = [i for i, line in enumerate(lines) if b"=" in line]
    if len(places) > 1:
        a, b = dice.sample(places, 2)
        (left, _, right), (other, _, value) = lines[a].partition(b"="), lines[b].partition(b"=")
        lines[a], lines[b] = left + b"=" + value, other + b"=" + right
    return bytearray(b"\n".join(lines))


def move_line(data: bytearray, dice: Random) -> bytearray:
    """A line stands twice, is missing, or stands elsewhere."""
    lines = _lines(data)
    line = lines[dice.randrange(len(lines))]
    what = dice.randrange(3)
    if what:
        lines.remove(line)
    if what != 1:
        lines.insert(dice.randint(0, len(lines)), line)
    return bytearray(b"\n".join(lines))


def odd_table(data: bytearray, dice: Random) -> bytearray:
    """A header or a key that is deep, long, double or of another kind than it was."""
    made = (
        "[" + ".".join(["a"] * dice.choice((3, 500, 5000))) + "]", "[[train]]", "[train]", "[[clip]]", "[]",
        ".".join(["k"] * dice.choice((3, 3000))) + " = 1", "x" * 100_000 + " = 1", '"" = ""', "train.rank = 2",
        "clip.caption.a = 1", "[train.quality.fast]", '[""]', "[evaluate.prompts]", '"clip.mp4" = "twice"',
    )  # fmt: skip
    lines = _lines(data)
    lines.insert(dice.randint(0, len(lines)), dice.choice(made).encode())
    return bytearray(b"\n".join(lines))


def _lines(data: bytearray) -> list[bytes]:
    return bytes(data).split(b"\n")


TEXT: tuple[Mutation, ...] = (
    insert_text, break_bytes, other_value, other_value, other_value, swap_values, move_line, odd_table, truncate,
)  # fmt: skip


def mutate(seed: bytes, mutations: tuple[Mutation, ...], dice: Random) -> tuple[bytes, list[str]]:
    """One to three mutations on top of each other, and their names."""
    data, names = bytearray(seed), []
    for _ in range(dice.choice((1, 1, 2, 3))):
        if not data:
            break
        mutation = dice.choice(mutations)
        data = mutation(data, dice)
        names.append(mutation.__name__)
    return bytes(data), names
