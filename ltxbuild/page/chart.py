"""Line charts as inline SVG, drawn by hand. Knows no training and no report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

WIDTH, HEIGHT = 640, 240
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 14, 34
TICKS = 4

Point = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """One series; `kind` is its class in the style sheet, `dots` shows the points themselves."""

    name: str
    points: Sequence[Point]
    kind: str
    dots: bool = False


@dataclass(frozen=True)
class Mark:
    """A vertical line with words, such as the chosen checkpoint."""

    x: float
    text: str


def chart(lines: Sequence[Line], x_title: str, y_title: str, marks: Sequence[Mark] = ()) -> Markup:
    """The chart; empty if no line has a point."""
    points = [point for line in lines for point in line.points]
    if not points:
        return Markup("")
    xs, ys = [p[0] for p in points] + [m.x for m in marks], [p[1] for p in points]
    frame = _Frame(min(xs), max(xs), min(ys), max(ys))
    label = f"{y_title} over {x_title}: {', '.join(line.name for line in lines if line.points)}"
    parts = [f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">']
    parts += frame.axes(x_title, y_title)
    for mark in marks:
        x = frame.x(mark.x)
        side = "end" if x > WIDTH * 0.7 else "start"
        shift = -5 if side == "end" else 5
        parts.append(f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
        parts.append(
            f'<text x="{x + shift:.1f}" y="{TOP + 10}" text-anchor="{side}">{escape(mark.text)}</text>'
        )
    for line in lines:
        path = " ".join(f"{frame.x(x):.1f},{frame.y(y):.1f}" for x, y in line.points)
        if line.points:
            parts.append(
                f'<polyline class="line {line.kind}" points="{path}"><title>{escape(line.name)}</title></polyline>'
            )
        if line.dots:
            parts += [
                f'<circle class="dot {line.kind}" cx="{frame.x(x):.1f}" cy="{frame.y(y):.1f}" r="3.2">'
                f"<title>{x:g}: {y:.4g}</title></circle>"
                for x, y in line.points
            ]
    return Markup("".join(parts) + "</svg>")  # noqa: S704 - numbers, our own classes, and escaped words


class _Frame:
    """From values to pixels."""

    def __init__(self, left: float, right: float, low: float, high: float) -> None:
        room = (high - low) * 0.08 or abs(high) * 0.1 or 1.0
        self.left, self.right = left, right if right > left else left + 1
        self.low, self.high = low - room, high + room

    def x(self, value: float) -> float:
        """Horizontal place."""
        return LEFT + (value - self.left) / (self.right - self.left) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """Vertical place."""
        return TOP + (self.high - value) / (self.high - self.low) * (HEIGHT - TOP - BOTTOM)

    def axes(self, x_title: str, y_title: str) -> list[str]:
        """Grid lines with their numbers, and both titles."""
        parts = []
        for index in range(TICKS + 1):
            value = self.low + (self.high - self.low) * index / TICKS
            y = self.y(value)
            parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
            parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:.3g}</text>')
            at = self.left + (self.right - self.left) * index / TICKS
            parts.append(
                f'<text x="{self.x(at):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{at:.4g}</text>'
            )
        parts.append(f'<text x="{WIDTH / 2}" y="{HEIGHT - 3}" text-anchor="middle">{escape(x_title)}</text>')
        parts.append(
            f'<text transform="translate(11 {HEIGHT / 2}) rotate(-90)" text-anchor="middle">{escape(y_title)}</text>'
        )
        return parts
