"""`ltxbuild graph`: actions and edges as text, dot or json."""

from __future__ import annotations

import argparse
import json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Targets and format."""
    from ltxbuild.commands.options import add_choice, add_targets

    add_targets(parser)
    add_choice(parser)
    parser.add_argument("--format", choices=("text", "dot", "json"), default="text")


def run(args: argparse.Namespace) -> int:
    """Print the part of the graph that the targets need."""
    from ltxbuild.commands.options import choice_of
    from ltxbuild.project.project import load
    from ltxbuild.recipe import make_graph
    from ltxbuild.recipe.scope import DEFAULT

    choice = choice_of(args)
    graph = make_graph(
        load(choice.root, choice.overrides, choice.mode, follow=choice.follow, rehearsal=choice.rehearsal)
    )
    names = graph.closure(graph.resolve(args.targets or [DEFAULT]))
    if args.format == "json":
        rows = [{"action": n, "needs": graph.inputs_of(n), "guards": graph.guards_of(n)} for n in names]
        print(json.dumps(rows, indent=1))
    elif args.format == "dot":
        print("digraph ltxbuild {\n  rankdir=LR; node [shape=box];")
        for name in names:
            for before in graph.inputs_of(name):
                print(f"  {json.dumps(before)} -> {json.dumps(name)};")
            for guard in graph.guards_of(name):
                print(f"  {json.dumps(guard)} -> {json.dumps(name)} [style=dashed];")
        print("}")
    else:
        for name in names:
            needs = " ".join((*graph.inputs_of(name), *(f"({g})" for g in graph.guards_of(name))))
            print(f"{name} <- {needs}" if needs else name)
    return 0
