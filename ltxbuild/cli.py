"""The command line: finds the verb, imports only that verb, turns errors into messages and exit codes."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType

from ltxbuild import __version__

# Type checkers take this name as true; importing `typing` for it would cost a tenth of a call that has nothing to do.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from ltxbuild.problem import ProjectError

# One verb a file in ltxbuild/commands; the help line stands here so that --help imports none of them.
VERBS = {
    "build": "bring targets up to date (what `ltxbuild` alone does)",
    "init": "start a project folder from a template",
    "demo": "start a folder with generated clips, build it, print where the report is",
    "rehearse": "this folder through every stage on the tiny base, before GPU money is spent",
    "fetch": "the base's files, with their size and licence; a fetch that was cut off goes on",
    "split": "cut long footage into clips of one shot each; shows first what it would cut",
    "watch": "build, then again on every save",
    "status": "what would run, what is fresh, and why",
    "plan": "what a build will take: clips, steps, memory, disk, time and cost, before anything is spent",
    "why": "the exact reason for one target",
    "graph": "the graph as text, dot or json",
    "caption": "draft captions with a vision-language model; accept them after reading",
    "lint": "findings about clips, captions and settings",
    "report": "bring the report up to date and print its path",
    "export": "bring the LoRA file up to date and print its path",
    "builds": "what was built when, with its verdict",
    "restore": "an older LoRA back into build/, without touching the sources",
    "keep": "protect a build from gc",
    "gc": "take out of the store what no commit, no recent build and no kept one needs",
    "config": "every setting with its value and where it came from",
    "inspect": "what a LoRA file holds, whichever tool wrote it",
    "convert": "a LoRA file under the names that another tool reads",
    "explain": "a rule or an error code in full",
    "log": "the output of an action",
    "doctor": "what is wrong with this machine",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code: 0 done, 1 failed, 2 usage or project, 130 interrupted."""
    # A graph is many small objects that live to the end: looking through them again and again costs a quarter more.
    gc.set_threshold(50_000, 20, 50)
    arguments = list(sys.argv[1:] if argv is None else argv)
    verb, rest = split_verb(arguments)
    if verb is None:
        _overview().parse_args(arguments)  # prints help or version and leaves, or complains
        return 0
    command = import_module(f"ltxbuild.commands.{verb}")
    try:
        return _run(command, verb, rest)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader (head, say) went away: nothing to tell anybody. Point stdout elsewhere so that exit stays quiet.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except _project_error() as error:
        return _refuse(error)


def split_verb(arguments: list[str]) -> tuple[str | None, list[str]]:
    """The verb and the rest; a call without one builds. None asks for the overview (help, version)."""
    skip = False
    for index, word in enumerate(arguments):
        if skip:
            skip = False
        elif word == "-C":
            skip = True
        elif word in ("-h", "--help", "--version"):
            return None, arguments
        elif not word.startswith("-"):
            if word in VERBS:
                return word, arguments[:index] + arguments[index + 1 :]
            break
        else:
            break
    return "build", arguments


def verb_parser(verb: str) -> argparse.ArgumentParser:
    """The parser of one verb, with the options that every verb has."""
    prog = "ltxbuild" if verb == "build" else f"ltxbuild {verb}"
    parser = argparse.ArgumentParser(prog=prog, description=VERBS[verb], formatter_class=_formatter)
    parser.add_argument(
        "-C", dest="folder", metavar="DIR", default=".", help="the project folder (default: here)"
    )
    return parser


def _formatter(prog: str) -> argparse.HelpFormatter:
    """argparse makes one for every option; left to find the width itself, it would import half a library for that."""
    try:
        columns = int(os.environ.get("COLUMNS") or os.get_terminal_size().columns)
    except (OSError, ValueError):
        columns = 80
    return argparse.HelpFormatter(prog, width=columns - 2)


def _run(command: ModuleType, verb: str, rest: list[str]) -> int:
    parser = verb_parser(verb)
    command.add_arguments(parser)
    args, left = parser.parse_known_args(rest)
    if left:  # a name behind an option, as in `init character --demo DIR`: slower, so not tried at first
        args = parser.parse_intermixed_args(rest)
    code: int = command.run(args)
    return code


def _overview() -> argparse.ArgumentParser:
    lines = "\n".join(f"  {name:<10} {text}" for name, text in VERBS.items())
    parser = argparse.ArgumentParser(
        prog="ltxbuild",
        description="make for LoRAs: from a folder of clips to a tested LoRA, rebuilding only what an edit made stale",
        epilog=f"commands:\n{lines}\n\n`ltxbuild COMMAND --help` tells more; without a command, ltxbuild builds.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="ltxbuild [-C DIR] [COMMAND] [OPTIONS] [TARGET ...]",
    )
    parser.add_argument("--version", action="version", version=f"ltxbuild {__version__}")
    return parser


def _project_error() -> type[ProjectError]:
    """Imported once something went wrong: a build that has nothing to do is spared it."""
    from ltxbuild.problem import ProjectError

    return ProjectError


def _refuse(error: ProjectError) -> int:
    from ltxbuild.problem import render

    for problem in error.problems:
        print(render(problem), file=sys.stderr)
    return error.exit_code


if __name__ == "__main__":
    raise SystemExit(main())
