"""Writes docs/commands.md from the parsers, docs/settings.md from the declaration and docs/rules.md from the rules.

`python tools/docs.py` writes, `--check` exits 1 if a file is out of date.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


def commands() -> str:
    """The help of every verb, as the parser prints it at 100 columns."""
    os.environ["COLUMNS"] = "100"
    from ltxbuild.cli import VERBS, verb_parser

    parts = ["# Commands\n\nWritten by `python tools/docs.py` from the parsers.\n"]
    for verb in VERBS:
        parser = verb_parser(verb)
        import_module(f"ltxbuild.commands.{verb}").add_arguments(parser)
        title = "ltxbuild [build]" if verb == "build" else f"ltxbuild {verb}"
        parts.append(f"## {title}\n\n```\n{parser.format_help().rstrip()}\n```\n")
    return "\n".join(parts)


def settings() -> str:
    """Every setting with type, default and meaning."""
    from ltxbuild.project.settings import settings_table

    return "# Settings\n\nWritten by `python tools/docs.py` from the declaration.\n\n" + settings_table()


def rules() -> str:
    """Every rule of lint with its severity, name and first line."""
    from ltxbuild.lint.registry import RULES

    rows = [
        "# Rules of lint\n\nWritten by `python tools/docs.py` from the rules; `ltxbuild explain CODE` tells more. E blocks "
        "training, W warns, I informs: some rules weigh a worse case more.\n",
        "| code | | name | finds |\n|---|---|---|---|",
        *(
            f"| {code} | {rule.severity} | {rule.name} | {rule.summary} |"
            for code, rule in sorted(RULES.items())
        ),
    ]
    return "\n".join(rows) + "\n"


def main() -> int:
    """Write or check the files."""
    stale = []
    for name, text in (("commands.md", commands()), ("settings.md", settings()), ("rules.md", rules())):
        path = DOCS / name
        if "--check" in sys.argv:
            stale += [name] if not path.exists() or path.read_text() != text else []
        else:
            path.write_text(text)
    for name in stale:
        print(f"docs/{name} is out of date: run python tools/docs.py", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    raise SystemExit(main())
