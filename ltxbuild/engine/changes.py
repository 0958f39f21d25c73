"""What differs between two values, in words: the words of a text, the keys of a table, the items of a list.

Knows neither actions nor settings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ltxbuild.job import Json, dump_json

# Beyond so many pieces a text was written anew: then both versions say more.
MOST = 4


def change(before: Json, after: Json) -> str:
    """Such as `'walks' -> 'runs'`, `repeats: 1 -> 2` or `+ 'a new item'`."""
    if isinstance(before, str) and isinstance(after, str):
        return _texts(before, after)
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return _tables(before, after)
    if _is_list(before) and _is_list(after):
        return _lists(list(before), list(after))  # type: ignore[arg-type]
    return f"{_shown(before)} -> {_shown(after)}"


def _shown(value: Json) -> str:
    if value is None:
        return "nothing"
    return repr(value) if isinstance(value, str) else dump_json(value).decode()


def _is_list(value: Json) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _texts(before: str, after: str) -> str:
    if len(before.split()) < 2 or len(after.split()) < 2:
        return f"{before!r} -> {after!r}"
    import difflib  # only for an explanation

    was, now = before.split(" "), after.split(" ")
    pieces = []
    for kind, a, b, c, d in difflib.SequenceMatcher(None, was, now, autojunk=False).get_opcodes():
        gone, come = " ".join(was[a:b]), " ".join(now[c:d])
        if kind == "replace":
            pieces.append(f"{gone!r} -> {come!r}")
        elif kind != "equal":
            pieces.append(f"+ {come!r}" if come else f"- {gone!r}")
    kept = not pieces or len(pieces) <= MOST
    return ", ".join(pieces) if kept and pieces else f"{before!r} -> {after!r}"


def _tables(before: Mapping[str, Json], after: Mapping[str, Json]) -> str:
    parts = []
    for key in dict.fromkeys([*before, *after]):
        if key not in before:
            parts.append(f"+ {key}: {_shown(after[key])}")
        elif key not in after:
            parts.append(f"- {key}")
        elif before[key] != after[key]:
            parts.append(f"{key}: {change(before[key], after[key])}")
    return "; ".join(parts)


def _lists(before: list[Json], after: list[Json]) -> str:
    tables = _rows(before), _rows(after)
    if tables[0] is not None and tables[1] is not None:
        return _tables(tables[0], tables[1])
    if len(before) == len(after) and all(isinstance(one, str) for one in before + after):
        pairs = zip(before, after, strict=True)
        return "; ".join(change(one, other) for one, other in pairs if one != other)
    gone = [_shown(one) for one in before if one not in after]
    come = [_shown(one) for one in after if one not in before]
    if not gone and not come:
        return f"{_shown(before)} -> {_shown(after)}"
    return ", ".join([*(f"- {one}" for one in gone), *(f"+ {one}" for one in come)])


def _rows(items: list[Any]) -> dict[str, Json] | None:
    """A list of [key, value, ...] as a table, None if it is none."""
    if not all(_is_list(item) and item and isinstance(item[0], str) for item in items):
        return None
    return {item[0]: item[1] if len(item) == 2 else item[1:] for item in items}
