"""From a project to its graph: the one place that knows both worlds. Runs nothing and reads no clip."""

from __future__ import annotations

from collections.abc import Mapping

from ltxbuild.engine.graph import Graph
from ltxbuild.job import Json
from ltxbuild.project.project import Project
from ltxbuild.recipe.clips import add_clips
from ltxbuild.recipe.evaluation import add_evaluation
from ltxbuild.recipe.findings import add_lint
from ltxbuild.recipe.glimpses import on_the_way
from ltxbuild.recipe.outputs import add_export, add_report
from ltxbuild.recipe.scope import Scope
from ltxbuild.recipe.training import add_training


def make_graph(project: Project, machine: Mapping[str, Json] | None = None) -> Graph:
    """The whole graph of a project for its mode: quality contains the fast run that its gate waits for.

    `machine` holds what belongs to this computer (folder of the base, device) and to no fingerprint.
    """
    scope = Scope.of(project, machine or {})
    graph = scope.graph
    add_clips(scope)
    add_lint(scope)
    for mode in scope.modes:
        add_training(scope, mode, on_the_way)
        add_evaluation(scope, mode)
    add_export(scope)
    add_report(scope)
    scope.name_targets()
    graph.check()
    return graph
