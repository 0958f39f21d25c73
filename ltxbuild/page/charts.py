"""Charts as inline SVG, drawn by hand. Knows points and labels, not what they mean.

No style attribute is written: the page's content policy allows none, classes carry all looks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

WIDTH, HEIGHT = 640, 280
LEFT, RIGHT, TOP, BOTTOM = 58, 16, 16, 40


@dataclass(frozen=True)
class Line:
    """One series: `look` is its CSS class; `dots` draws a mark at each point."""

    name: str
    look: str
    points: Sequence[tuple[float, float]]
    dots: bool = False


@dataclass(frozen=True)
class Mark:
    """A vertical line at `x` with a label."""

    x: float
    label: str


def line_chart(title: str, lines: Sequence[Line], x_label: str, marks: Sequence[Mark] = ()) -> Markup:
    """Lines over a shared x axis, y in per cent. Empty if no line has two points."""
    lines = [line for line in lines if len(line.points) > 1]
    if not lines:
        return Markup("")
    xs = [x for line in lines for x, _ in line.points] + [mark.x for mark in marks]
    ys = [y for line in lines for _, y in line.points] + [0.0]
    frame = _Frame(min(xs), max(xs), *_rounded(min(ys), max(ys)))
    parts = [_grid(frame), *(_line(frame, line) for line in lines), *(_mark(frame, mark) for mark in marks)]
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(
        Markup('<text class="axis" x="{}" y="{}" text-anchor="middle">{}</text>').format(
            middle, HEIGHT - 4, x_label
        )
    )
    return Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, HEIGHT, title, Markup("").join(parts)
    )


def interval_bar(effect: float, low: float, high: float, minimum: float, limit: float | None) -> Markup:
    """An effect with its interval beside zero and the least effect (or the limits it must stay below)."""
    values = [0.0, effect, low, high, minimum, *([limit] if limit is not None else [])]
    span = (max(values) - min(values)) or 1.0
    start = min(values) - 0.06 * span

    def at(value: float) -> str:
        return f"{(value - start) / (1.12 * span) * 300:.1f}"

    parts = [
        Markup('<line class="zero" x1="{0}" x2="{0}" y1="4" y2="32"/>').format(at(0)),
        Markup('<line class="least" x1="{0}" x2="{0}" y1="4" y2="32"/>').format(at(minimum)),
        Markup('<line class="span" x1="{}" x2="{}" y1="18" y2="18"/>').format(at(low), at(high)),
        Markup('<circle class="dot" cx="{}" cy="18" r="5"/>').format(at(effect)),
    ]
    if limit is not None:
        parts.append(Markup('<line class="limit" x1="{0}" x2="{0}" y1="4" y2="32"/>').format(at(limit)))
    label = f"effect {effect:+.3f}, interval {low:+.3f} to {high:+.3f}"
    return Markup('<svg class="bar" viewBox="0 0 300 36" role="img" aria-label="{}">{}</svg>').format(
        label, Markup("").join(parts)
    )


@dataclass(frozen=True)
class _Frame:
    left: float
    right: float
    low: float
    high: float

    def x(self, value: float) -> float:
        span = (self.right - self.left) or 1.0
        return round(LEFT + (value - self.left) / span * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        span = (self.high - self.low) or 1.0
        return round(TOP + (self.high - value) / span * (HEIGHT - TOP - BOTTOM), 1)


def _step(span: float) -> float:
    power = 10.0 ** len(str(int(span * 1000))) / 10000
    return next((power * f for f in (0.2, 0.5, 1.0, 2.0, 5.0, 10.0) if span / (power * f) <= 5), power * 10)


def _rounded(low: float, high: float) -> tuple[float, float]:
    step = _step((high - low) or 0.01)
    return step * (low // step) if low < 0 else 0.0, step * -(-high // step)


def _grid(frame: _Frame) -> Markup:
    step = _step(frame.high - frame.low or 0.01)
    parts = []
    for i in range(round(frame.low / step), round(frame.high / step) + 1):
        y = frame.y(i * step)
        look = "zero" if i == 0 else "grid"
        parts.append(
            Markup('<line class="{}" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(
                look, LEFT, WIDTH - RIGHT, y, y
            )
        )
        text = f"{i * step * 100:+.3g} %" if i else "0"
        parts.append(Markup('<text x="{}" y="{}" text-anchor="end">{}</text>').format(LEFT - 8, y + 4, text))
    for i in range(5):
        value = frame.left + (frame.right - frame.left) * i / 4
        parts.append(
            Markup('<text x="{}" y="{}" text-anchor="middle">{:.4g}</text>').format(
                frame.x(value), HEIGHT - BOTTOM + 18, value
            )
        )
    return Markup("").join(parts)


def _line(frame: _Frame, line: Line) -> Markup:
    path = " ".join(f"{frame.x(x)},{frame.y(y)}" for x, y in line.points)
    drawn = Markup('<polyline class="line {}" points="{}"><title>{}</title></polyline>').format(
        line.look, path, line.name
    )
    if not line.dots:
        return drawn
    dots = (
        Markup(
            '<circle class="point {}" cx="{}" cy="{}" r="3.5"><title>{:g}: {:+.2%}</title></circle>'
        ).format(line.look, frame.x(x), frame.y(y), x, y)
        for x, y in line.points
    )
    return drawn + Markup("").join(dots)


def _mark(frame: _Frame, mark: Mark) -> Markup:
    x = frame.x(mark.x)
    # Near the right edge the label would leave the picture.
    anchor, shift = ("end", -6) if x > WIDTH * 0.7 else ("start", 6)
    return Markup(
        '<line class="mark" x1="{0}" x2="{0}" y1="{1}" y2="{2}"/>'
        '<text class="marked" x="{3}" y="{4}" text-anchor="{5}">{6}</text>'
    ).format(x, TOP, HEIGHT - BOTTOM, x + shift, TOP + 10, anchor, escape(mark.label))
