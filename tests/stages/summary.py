"""What is kept of a stage's outputs: little enough to hold on other machines, enough that a changed stage shows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from ltxbuild.job import read_json
from tests.stages_media.footage import number_of

SPREAD = 8  # values kept of a tensor, from all over it
FEW = 4  # tensors described one by one
# Figures that are nothing but rounding errors, and words of FFmpeg's own.
NOISE = ("max_difference", "tolerance", "sha256")
FOREIGN = ("message", "why")
ROLE = re.compile("lora_A|lora_B|exp_avg_sq|exp_avg|step")


def summary(folder: Path, media: bool) -> dict[str, Any]:
    """All outputs of a stage by name. Of `media` what FFmpeg says of broken files is left out; frames have numbers."""
    return {path.name: KINDS[path.suffix](path, media) for path in sorted(folder.iterdir())}


def _json(path: Path, media: bool) -> Any:
    return _plain(read_json(path), (*NOISE, *FOREIGN) if media else NOISE)


def _plain(value: Any, left_out: tuple[str, ...]) -> Any:
    if isinstance(value, Mapping):
        return {key: "*" if key in left_out else _plain(v, left_out) for key, v in value.items()}
    if isinstance(value, list):
        return [_plain(v, left_out) for v in value]
    return figure(value) if isinstance(value, float) else value


def figure(value: float, digits: int = 6) -> float:
    """A number with so many significant digits."""
    return float(f"{value:.{digits}g}")


def _tensors(path: Path, _: bool) -> Any:
    from ltxbuild.model import tensor_file

    found, metadata = tensor_file.load(path)
    arrays = {name: tensor.float().numpy() for name, tensor in sorted(found.items())}
    kinds = sorted({str(tensor.dtype) for tensor in found.values()})
    shapes = Counter("x".join(map(str, a.shape)) for a in arrays.values())
    shown = arrays if len(arrays) <= FEW else _together(arrays)
    values = {name: _values(a) for name, a in shown.items()}
    return {"metadata": metadata, "dtypes": kinds, "shapes": dict(sorted(shapes.items())), "values": values}


def _together(arrays: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    """Many tensors by role, because the roles have different scales."""
    found: dict[str, list[NDArray[np.float32]]] = {}
    for name, array in arrays.items():
        found.setdefault(" ".join(ROLE.findall(name)) or "other", []).append(array.ravel())
    return {role: np.concatenate(members) for role, members in found.items()}


def _values(array: NDArray[np.float32]) -> list[float]:
    """Mean, deviation, and values from all over the tensor."""
    flat = array.astype(np.float64).ravel()
    places = np.linspace(0, len(flat) - 1, min(SPREAD, len(flat))).astype(int)
    return [figure(float(v), 4) for v in (flat.mean(), flat.std(), *flat[places])]


def _video(path: Path, media: bool) -> Any:
    with av.open(str(path)) as container:
        rate = container.streams.video[0].average_rate
        sound = [
            (s.rate, s.channels, round(float(s.duration * s.time_base), 2)) for s in container.streams.audio
        ]
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    height, width = pictures[0].shape[:2]
    return {
        "size": [width, height],
        "rate": str(rate),
        "sound": [list(one) for one in sound],
        "numbers": [number_of(picture) for picture in pictures] if media else len(pictures),
        "luma": [round(float(picture.mean()), 1) for picture in pictures[:: max(1, len(pictures) // 4)]],
        "corners": [round(float(part.mean()), 1) for part in _corners(pictures[0])],
    }


def _corners(picture: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    height, width = picture.shape[0] // 4, picture.shape[1] // 4
    return [
        picture[:height, :width],
        picture[:height, -width:],
        picture[-height:, :width],
        picture[-height:, -width:],
    ]


def _picture(path: Path, _: bool) -> Any:
    if not path.stat().st_size:
        return "empty"
    with av.open(str(path)) as container:
        picture = next(container.decode(video=0)).to_ndarray(format="rgb24")
    corners = [round(float(part.mean()), 1) for part in _corners(picture)]
    return {"size": list(picture.shape[1::-1]), "luma": [round(float(picture.mean()), 1)], "corners": corners}


KINDS: dict[str, Callable[[Path, bool], Any]] = {
    ".json": _json,
    ".safetensors": _tensors,
    ".mp4": _video,
    ".jpg": _picture,
}
