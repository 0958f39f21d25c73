"""What the user gave: values of lora.toml, of the user's own file and of -s, checked against the declaration.

Knows what a key may hold; not which of two values wins.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tomli

from ltxbuild.problem import Problem, Span
from ltxbuild.project.nearest import nearest
from ltxbuild.project.setting import Setting, check, convert
from ltxbuild.project.settings import BY_KEY, MODES, SETTINGS, find
from ltxbuild.project.toml_file import Document, too_large

SECTIONS = tuple(dict.fromkeys(s.section for s in SETTINGS if s.section))


@dataclass(frozen=True)
class Given:
    """One accepted value; `mode` is set for keys of [train.fast] and the like, `path` if a file has it."""

    setting: Setting
    mode: str | None
    value: Any
    origin: str
    span: Span | None
    path: tuple[str, ...] = ()


def read_settings(document: Document, problems: list[Problem]) -> list[Given]:
    """The values of lora.toml."""
    return list(_table(document, (), document.data, problems))


def read_machine(document: Document, problems: list[Problem]) -> tuple[list[Given], dict[str, str]]:
    """The values of the user's own file, and its [bases]: folders by the name that projects use."""
    data = dict(document.data)
    bases = data.pop("bases", {})
    if not isinstance(bases, Mapping) or not all(isinstance(v, str) for v in bases.values()):
        problems.append(Problem("P202", "[bases] must hold folders as strings", document.key("bases")))
        bases = {}
    given: list[Given] = []
    for one in _table(document, (), data, problems):
        if one.setting.machine:
            given.append(Given(one.setting, one.mode, one.value, "user", one.span, one.path))
        else:
            what = f"`{one.setting.key}` belongs to a project, not to this computer"
            problems.append(
                Problem("P214", what, document.key(*one.path), "move it into the project's lora.toml")
            )
    return given, dict(bases)


def read_overrides(overrides: Sequence[str], problems: list[Problem]) -> list[Given]:
    """The values of `-s key=value`; a value is TOML, or a bare word where a string is meant."""
    given: list[Given] = []
    for text in overrides:
        key, equals, raw = text.partition("=")
        key, raw = key.strip(), raw.strip()
        span = Span("-s", 1, 1, len(key), text)
        if not equals or not key:
            problems.append(
                Problem("P209", f"`-s {text}` is not key=value", hint="for instance -s train.steps=800")
            )
            continue
        found = find(key)
        if found is None:
            problems.append(Problem("P201", f"unknown key `{key}` after -s", span, _nearest_key(key)))
            continue
        value = _toml_value(raw)
        if found[0].kind == "text" and not isinstance(value, str):
            value = raw
        given += _accept(found, value, "-s", span, (), problems)
    return given


def _toml_value(raw: str) -> Any:
    try:
        parsed = tomli.loads(f"value = {raw}")
    except (ValueError, RecursionError):
        return raw  # no TOML, or more digits or brackets than Python reads
    return parsed["value"] if set(parsed) == {"value"} and not any(too_large(parsed)) else raw


def _table(
    document: Document, path: tuple[str, ...], table: Mapping[str, Any], problems: list[Problem]
) -> Iterator[Given]:
    for name, value in table.items():
        here = (*path, name)
        # A quoted key with a dot in it must not pass for a path.
        found = None if "." in name else find(".".join(here))
        if found is not None:
            span = document.value(*here)
            yield from _accept(found, value, document.name, span, here, problems)
        elif _is_table(here):
            if isinstance(value, Mapping):
                yield from _table(document, here, value, problems)
            else:
                label = f"[{'.'.join(here)}]"
                problems.append(
                    Problem("P202", f"{label} must be a table", document.value(*here), f"write {label}")
                )
        else:
            where = f" in [{'.'.join(path)}]" if path else ""
            hint = _nearest_in(path, name)
            problems.append(Problem("P201", f"unknown key `{name}`{where}", document.key(*here), hint))


def _accept(
    found: tuple[Setting, str | None],
    value: Any,
    file: str,
    span: Span | None,
    path: tuple[str, ...],
    problems: list[Problem],
) -> Iterator[Given]:
    setting, mode = found
    refusal = check(setting, value)
    if refusal is None:
        origin = f"{file}:{span.line}" if span is not None and path else file
        yield Given(setting, mode, convert(setting, value), origin, span, path)
        return
    hint = ""
    if setting.kind == "choice" and isinstance(value, str):
        hint = nearest(value, [str(c) for c in setting.choices if isinstance(c, str)])
    problems.append(Problem("P202" if refusal.wrong_type else "P203", refusal.message, span, hint))


def _is_table(path: tuple[str, ...]) -> bool:
    of_mode = len(path) == 2 and path[0] == "train" and path[1] in MODES
    return of_mode or (len(path) == 1 and path[0] in SECTIONS)


def _nearest_in(path: tuple[str, ...], name: str) -> str:
    """A hint for an unknown key: a near one in its table, or the table where a key of that name belongs."""
    section = path[0] if path else ""
    known = [s.name for s in SETTINGS if s.section == section and (len(path) < 2 or s.per_mode)]
    known += list(SECTIONS) if not path else list(MODES) if path == ("train",) else []
    homes = [s.section for s in SETTINGS if s.name == name and ".".join(path) != s.section]
    if homes:
        return (
            f"`{name}` belongs into [{homes[0]}]" if homes[0] else f"`{name}` belongs to the top of the file"
        )
    return nearest(name, known)


def _nearest_key(key: str) -> str:
    ends = [s.key for s in SETTINGS if s.name == key]
    if ends:
        return f"did you mean `{ends[0]}`?"
    return nearest(key, [*BY_KEY, *(f"train.{m}.{s.name}" for m in MODES for s in SETTINGS if s.per_mode)])
