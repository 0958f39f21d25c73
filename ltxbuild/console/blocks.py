"""Pictures drawn in a terminal, two pixels a character. Knows nothing of what they show."""

from __future__ import annotations

from pathlib import Path

GAP = 1


def draw(frames: Path) -> None:
    """Print an array file [n, height, width, 3] of RGB pictures in a row on stderr; nothing where it has no colours."""
    import numpy as np
    from rich.console import Console
    from rich.style import Style
    from rich.text import Text

    console = Console(stderr=True)
    if not console.is_terminal or console.no_color or console.color_system is None:
        return
    pictures = np.load(frames, allow_pickle=False)
    count, height, width = pictures.shape[:3]
    columns = max(4, (min(console.width, 120) - GAP * (count - 1)) // count)
    rows = max(2, round(columns * height / width / 2) * 2)
    small = pictures[:, np.arange(rows) * height // rows][:, :, np.arange(columns) * width // columns]
    for row in range(0, rows, 2):
        line = Text()
        for picture in small:
            for upper, lower in zip(picture[row], picture[row + 1], strict=True):
                line.append("▀", Style(color=_hex(upper), bgcolor=_hex(lower)))
            line.append(" " * GAP)
        console.print(line, soft_wrap=True)


def _hex(pixel: object) -> str:
    return "#{:02x}{:02x}{:02x}".format(*(int(part) for part in pixel))  # type: ignore[attr-defined]
