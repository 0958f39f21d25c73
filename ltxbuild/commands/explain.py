"""`ltxbuild explain CODE`: a lint rule or an error in full."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The code, or none for a list."""
    parser.add_argument("code", nargs="?", metavar="CODE", help="without one: all codes with a line each")


def run(args: argparse.Namespace) -> int:
    """Print the explanation. Raises ProjectError for a code that does not exist."""
    from ltxbuild.commands.codes import all_codes
    from ltxbuild.problem import fail

    codes = all_codes()
    if args.code is None:
        for code, (title, _) in sorted(codes.items()):
            print(f"{code}  {title}")
        return 0
    found = codes.get(args.code.upper())
    if found is None:
        import difflib

        close = difflib.get_close_matches(args.code.upper(), codes, n=1)
        raise fail("B106", f"there is no code {args.code}", f"did you mean {close[0]}?" if close else "")
    print(f"{args.code.upper()}: {found[0]}\n\n{found[1]}")
    return 0
