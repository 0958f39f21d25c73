"""Why something runs: the changed word, key, item or member, and no more than that."""

from __future__ import annotations

from pathlib import Path

import pytest

from ltxbuild.commands.status import outdated
from ltxbuild.engine.action import Action, Bag, Ref, Value
from ltxbuild.engine.build import predict
from ltxbuild.engine.changes import change
from ltxbuild.engine.fingerprint import walk
from ltxbuild.engine.forecast import Prediction
from ltxbuild.engine.graph import Graph
from ltxbuild.engine.members import compare
from ltxbuild.engine.options import BuildOptions
from ltxbuild.engine.predict import Predictor
from ltxbuild.engine.reasons import find
from ltxbuild.engine.workspace import Workspace
from ltxbuild.job import Json
from tests.engine.harness import Call, Outside, build_world, write_sources
from tests.engine.world import Node, World, make_action, make_graph

LONG = "mira_char, a woman with a red scarf, walks along a rainy street at night."


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (LONG, LONG.replace("walks", "runs"), "'walks' -> 'runs'"),
        (LONG, LONG.replace("red ", ""), "- 'red'"),
        (LONG, LONG.replace("a woman", "a tall woman"), "+ 'tall'"),
        (
            LONG,
            LONG.replace("red", "green").replace("night.", "dawn."),
            "'red' -> 'green', 'night.' -> 'dawn.'",
        ),
        ("a b c d e f g h i j", "1 b 2 d 3 f 4 h 5 j", "'a b c d e f g h i j' -> '1 b 2 d 3 f 4 h 5 j'"),
        ("walks", "runs", "'walks' -> 'runs'"),
        ("a  b", "a b", "- ''"),
        (8, 16, "8 -> 16"),
        (None, 1.5, "nothing -> 1.5"),
        (True, "auto", "true -> 'auto'"),
        ({"rank": 8, "steps": 600}, {"rank": 16, "steps": 600}, "rank: 8 -> 16"),
        ({"a": {"b": "x y z"}}, {"a": {"b": "x w z"}, "c": 1}, "a: b: 'y' -> 'w'; + c: 1"),
        ({"a": 1}, {}, "- a"),
        ([1, 33], [1, 41], "- 33, + 41"),
        ([1, 2], [2, 1], "[1,2] -> [2,1]"),
        ([[768, 512]], [[768, 512], [64, 64]], "+ [64,64]"),
        (["{subject} sits still"], ["{subject} sits down"], "'still' -> 'down'"),
        (
            [["train.rank", "8", "type"]],
            [["train.rank", "16", "lora.toml"]],
            "train.rank: '8' -> '16'; 'type' -> 'lora.toml'",
        ),
    ],
)
def test_only_what_differs_is_told(before: Json, after: Json, words: str) -> None:
    assert change(before, after) == words


def clips(*names: str, **texts: str) -> World:
    """Nodes such as clip:x that read a source each, and one that reads them all."""
    nodes = {f"clip:{name}": Node(f"clip:{name}", (name,), delivered=False) for name in names}
    nodes["train"] = Node("train", bag=tuple(nodes))
    return World(nodes, {name: texts.get(name, f"text of {name}") for name in names})


def look(root: Path, world: World) -> tuple[Prediction, str]:
    """The prediction for all, and the members of the training's bag in words."""
    write_sources(root, world)
    graph, space = make_graph(world), Workspace(root, write=False)
    prediction = predict(graph, space, Outside(), ("train",), BuildOptions())
    reason = next((r for r in prediction.forecasts["train"].reasons if r.kind == "members"), None)
    if reason is None:
        return prediction, ""
    bag, last = find(graph.actions["train"], reason.path), space.state.last_walk("train")
    assert isinstance(bag, Bag) and last is not None
    before = last.bags[str(reason.before)]
    return prediction, compare(bag, before, graph, prediction, space.state).text()


def build_without_training(root: Path, world: World) -> None:
    """The clips alone are brought up to date, so that the bag's members are known."""
    nodes = {name: node for name, node in world.nodes.items() if name != "train"}
    build_world(root, World(nodes, world.sources))


def test_members_are_named(tmp_path: Path) -> None:
    build_world(tmp_path, clips("a", "b", "c"))
    assert look(tmp_path, clips("a", "b"))[1] == "c is gone"
    assert look(tmp_path, clips("a"))[1] == "b, c are gone"
    build_without_training(tmp_path, clips("a", "b", "d"))
    assert look(tmp_path, clips("a", "b", "d"))[1] == "d is new, c is gone"


def test_a_member_that_is_built_still_but_not_read_any_more_is_named(tmp_path: Path) -> None:
    world = clips("a", "b", "c")
    build_world(tmp_path, world)
    assert look(tmp_path, world.change("train", bag=("clip:a", "clip:c")))[1] == "b is gone"


def test_a_member_whose_literal_changed_is_not_taken_for_a_new_one(tmp_path: Path) -> None:
    def world(repeats: int) -> Graph:
        graph = Graph()
        for name in ("clip:a", "clip:b"):
            graph.add(make_action(Node(name, (name[-1],))))
        members = [
            {"member": Ref(f"clip:{name}", "out"), "repeats": Value(count)}
            for name, count in (("a", repeats), ("b", 1))
        ]
        graph.add(Action("dataset", "join", 1, ("out",), {}, {"bag": Bag(tuple(members))}))
        return graph

    build_world(tmp_path, clips("a", "b"))
    space = Workspace(tmp_path, write=True)
    graph = world(1)
    first = Predictor(graph, space.state, space.store, space.stats, Outside(), BuildOptions())
    first.predict(("dataset",), ())
    space.state.add_walk("dataset", walk(graph.actions["dataset"], first))
    graph = world(2)
    second = predict(graph, space, Outside(), ("dataset",), BuildOptions())
    reason = second.forecasts["dataset"].reasons[0]
    bag, last = find(graph.actions["dataset"], reason.path), space.state.last_walk("dataset")
    assert isinstance(bag, Bag) and last is not None
    before = last.bags[str(reason.before)]
    assert compare(bag, before, graph, second, space.state).text() == "a changed"
    space.close()


def test_many_members_are_counted(tmp_path: Path) -> None:
    names = [f"n{index}" for index in range(9)]
    build_world(tmp_path, clips("a", *names))
    assert look(tmp_path, clips("a"))[1] == "n0, n1, n2, n3, n4 and 4 more are gone"


def test_what_waits_leads_to_the_file_that_changed(tmp_path: Path) -> None:
    build_world(tmp_path, clips("a", "b"))
    prediction, _ = look(tmp_path, clips("a", "b", b="other"))
    assert [r.text() for r in prediction.forecasts["clip:b"].reasons] == ["b changed"]
    assert [r.via for r in prediction.forecasts["train"].reasons] == [("clip:b",)]


def test_a_new_version_says_which(tmp_path: Path) -> None:
    build_world(tmp_path, clips("a"))
    prediction, _ = look(tmp_path, clips("a").change("clip:a", version=2))
    assert [r.text() for r in prediction.forecasts["clip:a"].reasons] == [
        "the stage join is of version 2, it was 1"
    ]


def test_what_an_older_version_made_counts_and_is_called_outdated(tmp_path: Path) -> None:
    world = clips("a")
    build_world(tmp_path, world)
    newer = world.change("clip:a", version=2).change("train", version=2)
    lenient = BuildOptions(lenient=frozenset({"join"}))
    built = build_world(tmp_path, newer, Call(options=lenient))
    assert built.ran == [] and set(built.reporter.states.values()) == {"outdated"}
    assert set(outdated(built.prediction, make_graph(newer))) == {"clip:a", "train"}
    edited = build_world(tmp_path, newer.edit("a", "other"), Call(options=lenient))
    assert set(edited.ran) == {"clip:a", "train"}, "made anew once its inputs change"
    assert outdated(edited.prediction, make_graph(newer)) == []
    assert set(build_world(tmp_path, newer).ran) == {"clip:a", "train"}, (
        "without leniency, as --refresh asks for"
    )
