"""Whole pictures from interlaced frames, by the filter bwdif of the decoder's library. Keeps rate and times."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import av
from av.filter import Graph

from ltxbuild.stages.media.decode import Timed


def deinterlaced(source: Iterable[Timed]) -> Iterator[Timed]:
    """The frames, each made of its first field and what its neighbours show of the second."""
    graph: Graph | None = None
    waiting: list[Timed] = []  # the filter holds one frame back
    for timed in source:
        if graph is None:
            graph = _graph(timed)
        waiting.append(timed)
        graph.push(timed.image)
        yield from _ready(graph, waiting)
    if graph is not None:
        graph.push(None)
        yield from _ready(graph, waiting)


def _graph(first: Timed) -> Graph:
    graph, image = Graph(), first.image
    source = graph.add_buffer(
        width=image.width, height=image.height, format=image.format, time_base=image.time_base
    )
    weave = graph.add("bwdif", mode="send_frame", deint="all")
    sink = graph.add("buffersink")
    source.link_to(weave)
    weave.link_to(sink)
    graph.configure()
    return graph


def _ready(graph: Graph, waiting: list[Timed]) -> Iterator[Timed]:
    while True:
        try:
            image: Any = graph.pull()
        except (av.BlockingIOError, av.EOFError):
            return
        timed = waiting.pop(0)
        image.colorspace, image.color_range = timed.image.colorspace, timed.image.color_range
        yield Timed(timed.time, timed.duration, image)
