"""`ltxbuild lint`: bring the findings up to date and print them with file, line and evidence; --fix mends first."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ltxbuild.commands.session import Session
from ltxbuild.problem import Span

if TYPE_CHECKING:
    from ltxbuild.engine.state import Record
    from ltxbuild.job import Json
    from ltxbuild.lint.rule import Rule


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of a build, and what is mended."""
    from ltxbuild.commands.options import add_build, add_choice

    parser.add_argument(
        "--fix", action="store_true", help="mend what is safe to mend in captions.toml, then lint"
    )
    parser.add_argument(
        "--unsafe", action="store_true", help="with --fix: also put a missing trigger in front"
    )
    parser.add_argument(
        "--diff", action="store_true", help="print what --fix would change, and change nothing"
    )
    add_choice(parser)
    add_build(parser)


def run(args: argparse.Namespace) -> int:
    """Exit 1 if there is an error among the findings."""
    from ltxbuild.commands.delivery import deliver_lint
    from ltxbuild.commands.options import choice_of, options_of
    from ltxbuild.commands.session import asked_facts, open_session
    from ltxbuild.console.choose import choose
    from ltxbuild.engine.build import build
    from ltxbuild.executors.local import LocalExecutor
    from ltxbuild.recipe.scope import ASKED, LINT, TOKENS

    if args.fix or args.diff:
        from ltxbuild.commands.mend import mend

        with open_session(choice_of(args), write=False) as session:
            mend(session.project, unsafe=args.unsafe, write=not args.diff)
        if args.diff:
            return 0
    with open_session(choice_of(args), write=True) as session:
        reporter = choose(args.json)
        executor = LocalExecutor(args.jobs or 2)
        options = options_of(args, frozenset(session.graph.resolve(args.force)))
        here = session.identity.here
        asked = [name for name in (TOKENS, ASKED) if name in session.graph.actions]
        targets = (LINT, *(name for name in asked if here or name != TOKENS))
        for model in session.identity.asked.values():
            if model.words is not None:
                print(f"note: {model.words}", file=sys.stderr)
        base: dict[str, Json] = {"base": str(session.identity.locate())} if here else {}
        session.graph.equip("model", base | asked_facts(session.project, session.identity))
        try:
            outcome = build(
                session.graph, session.space, session.identity, targets, executor, reporter, options
            )
        finally:
            reporter.close()
        if outcome.tally.interrupted:
            return 130
        if LINT not in outcome.records:
            return 1
        code = show(session, found_by(session, outcome.records), args.json)
        failed = any(name not in outcome.records for name in targets)
        for line in left_out(session, outcome.records, targets):
            print(line, file=sys.stderr)
        page = deliver_lint(session, outcome.records, lambda text: print(text, file=sys.stderr))
        print(f"clips and findings as pictures: {page}", file=sys.stderr)
        return 1 if failed else code


def found_by(session: Session, records: Mapping[str, Record]) -> list[dict[str, Any]]:
    """The findings over the set, and those that needed a model if they were looked for."""
    from ltxbuild.recipe.scope import LINTS

    asked = [records[name] for name in LINTS if name in records]
    return [finding for record in asked for finding in session.output(record, "findings.json") or ()]


def left_out(session: Session, records: Mapping[str, Record], targets: Sequence[str]) -> Iterator[str]:
    """Which rules were not asked, and why; of one that failed its own message told."""
    from ltxbuild.lint import detected, heard, tokens
    from ltxbuild.project.subject import TYPES
    from ltxbuild.recipe.scope import ASKED, TOKENS

    project = session.project
    if TOKENS not in targets:
        yield f"not run, as the base is not on this machine: {_codes(tokens.RULES)}"
    elif TOKENS in records and not session.output(records[TOKENS], "ok.json")["ran"]:
        yield f"not run, as the base has no tokenizer.json: {_codes(tokens.RULES)}"
    if ASKED in targets and ASKED not in records:
        yield "not run, as a clip cannot be used or its model failed: what models see and hear of the clips"
    if project.type in TYPES and not project.asks("detector"):
        yield f"not run, as [lint] names no detector: {_codes((*detected.RULES, *detected.OF_ALL))}"
    if project.hears and not project.asks("listener"):
        yield f"not run, as [lint] names no listener: {_codes(heard.RULES)}"


def _codes(rules: Sequence[Rule]) -> str:
    return ", ".join(rule.code for rule in rules)


def show(session: Session, findings: list[dict[str, Any]], as_json: bool) -> int:
    """Print findings, worst first; the count goes to stderr."""
    for finding in worst_first(findings):
        if as_json:
            from ltxbuild.console.json_lines import emit

            emit("finding", **finding)
            continue
        print(line_of(session, finding))
        if finding.get("fix"):
            print(f"    fix: {finding['fix']}")
    print(counted(findings), file=sys.stderr)
    return 1 if any(f["severity"] == "E" for f in findings) else 0


def worst_first(findings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Errors, warnings, notes; each kind in its own order."""
    return sorted(findings, key=lambda f: "EWI".index(f["severity"]))


def line_of(session: Session, finding: dict[str, Any]) -> str:
    """A finding in one line, as compilers write it."""
    rule = f"{finding['severity']} {finding['code']} {finding['name']}"
    return f"{place(session, finding['where'])}: {rule}: {finding['message']}"


def counted(findings: list[dict[str, Any]]) -> str:
    """How many of each kind."""
    counts = [sum(f["severity"] == s for f in findings) for s in "EWI"]
    words = zip(counts, ("error", "warning", "note"), strict=True)
    return ", ".join(f"{n} {word}{'' if n == 1 else 's'}" for n, word in words)


def place(session: Session, where: dict[str, Any]) -> str:
    """file:line:column where it is known, with the time inside a clip."""
    file, key, time = where["file"], where.get("key"), where.get("time")
    span: Span | None = session.project.position(file, key)
    if span is not None:
        return f"{span.file}:{span.line}:{span.column}"
    return f"{file} at {time:.2f} s" if time is not None else str(file)
