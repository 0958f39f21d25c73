"""The options that building, asking and explaining share.

Declaring them imports nothing: a build with nothing to do is over before a project would be read.
"""

from __future__ import annotations

import argparse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ltxbuild.commands.session import Choice
    from ltxbuild.engine.options import BuildOptions


def add_choice(parser: argparse.ArgumentParser) -> None:
    """Which project, seen how."""
    parser.add_argument(
        "--mode", choices=("fast", "quality"), help="train in this mode instead of lora.toml's"
    )
    parser.add_argument(
        "-s",
        dest="overrides",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="a setting for this call only",
    )
    parser.add_argument("--follow", action="store_true", help="accept symlinked clips")
    parser.add_argument(
        "--rehearsal", action="store_true", help="the project on the tiny base, as `rehearse` sees it"
    )


def add_targets(parser: argparse.ArgumentParser) -> None:
    """What to bring up to date."""
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="default: report and export")


def add_work(parser: argparse.ArgumentParser) -> None:
    """How to work, once or again and again."""
    parser.add_argument(
        "-j", dest="jobs", type=int, metavar="N", help="workers for clips (default: one a core)"
    )
    parser.add_argument("--refresh", action="store_true", help="redo what an older version of a stage made")
    parser.add_argument(
        "--strict", action="store_true", help="ignore results made with other library versions"
    )
    parser.add_argument("--past-gate", action="store_true", help="quality although the fast run did not pass")
    parser.add_argument("--json", action="store_true", help="one event a line on stdout")


def add_build(parser: argparse.ArgumentParser) -> None:
    """How to build once."""
    add_work(parser)
    parser.add_argument(
        "-k", dest="keep_going", action="store_true", help="after a failure go on with the rest"
    )
    parser.add_argument(
        "-f", dest="force", metavar="TARGET", action="append", default=[], help="run it again"
    )
    parser.add_argument("--frozen", action="store_true", help="exit 1 if ltxbuild.lock would change")
    parser.add_argument("--check", action="store_true", help="exit 1 if the evaluation says FAIL")


def choice_of(args: argparse.Namespace, rehearsal: bool = False) -> Choice:
    """The project that a call means."""
    from ltxbuild.commands.session import Choice, find_root

    return Choice(
        find_root(args.folder), args.mode, tuple(args.overrides), args.follow, rehearsal or args.rehearsal
    )


def options_of(args: argparse.Namespace, force: frozenset[str]) -> BuildOptions:
    """How a call wants to build; `force` holds action ids."""
    from ltxbuild.commands.session import LENIENT
    from ltxbuild.engine.options import BuildOptions

    return BuildOptions(
        keep_going=args.keep_going,
        force=force,
        past_gate=frozenset({"gate"} if args.past_gate else ()),
        lenient=frozenset() if args.refresh else LENIENT,
        made_with=made_with(),
        strict=args.strict,
    )


def made_with() -> str:
    """Versions of the libraries that results depend on; recorded, never part of a fingerprint."""
    from importlib.metadata import PackageNotFoundError, version

    found = []
    for package in ("torch", "diffusers", "transformers", "peft", "av"):
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"{package} missing")
    return ", ".join(found)
