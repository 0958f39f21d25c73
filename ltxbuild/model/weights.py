"""Building a model of diffusers from stored tensors, one tensor at a time. Knows no family and no training.

The model is made without memory first; then each tensor is read, brought to its format and device and put in place,
so that at no time more than the model and one tensor are held.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from accelerate import init_empty_weights
from safetensors import safe_open

from ltxbuild.job import StageError
from ltxbuild.model.quantized import QuantizedLinear, prepare
from ltxbuild.model.stored import Stored
from ltxbuild.model.swapping import Swap, spread
from ltxbuild.model.video_block import compute_video_alone

AUDIO_HALF = ("audio_attn1", "audio_attn2", "audio_ff", "audio_to_video_attn", "video_to_audio_attn")
Shapes = dict[str, tuple[int, ...]]


def build(
    kind: Any,
    config: Mapping[str, Any],
    tensors: Mapping[str, Stored],
    dtype: torch.dtype,
    device: str,
    audio: bool = True,
    quantize: str = "",
    swap: int = 0,
) -> Any:
    """A frozen model of class `kind` with these options and weights; the rest is as in `skeleton`.

    Raises StageError naming what is missing, superfluous or of another shape.
    """
    model, shapes = skeleton(kind, config, device, audio, quantize, swap)
    needed = tensors if audio else {name: t for name, t in tensors.items() if not _of_audio(name)}
    _compare(shapes, needed)
    for file in sorted({tensor.file for tensor in needed.values()}):
        with safe_open(file, framework="pt") as reader:
            for name, tensor in needed.items():
                if tensor.file == file:
                    put(model, name, _settled(reader.get_tensor(tensor.name), dtype, device))
    return model.requires_grad_(False).eval()


def skeleton(
    kind: Any, config: Mapping[str, Any], device: str, audio: bool, quantize: str, swap: int
) -> tuple[Any, Shapes]:
    """A model without weights, for `device`, and the shapes of those that `put` shall give it, in its own format.

    Without `audio` it is a transformer of half its layers. `quantize` names the format in which the layers of its blocks
    are kept; weights are folded as they are put. Of `swap` blocks they stay in the host's memory and visit the device.
    """
    with init_empty_weights():
        model = kind.from_config(dict(config))
    if not audio:
        _leave_audio_out(model)
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    if quantize or swap:
        prepare(model, quantize)
    if swap:
        blocks = model.transformer_blocks
        Swap([blocks[i] for i in spread(min(swap, len(blocks)), len(blocks))], device)
    return model, shapes


def _settled(value: torch.Tensor, dtype: torch.dtype, device: str) -> torch.Tensor:
    # Tensors of a memory map are not aligned, and CPU kernels sum unaligned ones in another order: results would
    # differ by about 2e-6 from the same weights in memory. So there is a copy in any case.
    moved = value.to(device=device, dtype=dtype)
    return moved.clone() if moved is value else moved


def put(model: Any, name: str, value: torch.Tensor) -> None:
    """Give a model one of its weights, already in its format and where it computes."""
    path, _, last = name.rpartition(".")
    module = model.get_submodule(path)
    if isinstance(module, QuantizedLinear) and last == "weight":
        module.take(value)
    elif last in module._parameters:
        module._parameters[last] = torch.nn.Parameter(value, requires_grad=False)
    else:
        module._buffers[last] = value


def _compare(wanted: Mapping[str, tuple[int, ...]], tensors: Mapping[str, Stored]) -> None:
    missing, odd = sorted(wanted.keys() - tensors.keys()), sorted(tensors.keys() - wanted.keys())
    if missing or odd:
        said = [f"{len(missing)} are missing ({missing[0]})"] if missing else []
        said += [f"{len(odd)} are not known ({odd[0]})"] if odd else []
        raise StageError(f"the base's weights do not fit its configuration: {', '.join(said)}")
    for name, shape in wanted.items():
        if tensors[name].shape != shape:
            found, expected = (list(s) for s in (tensors[name].shape, shape))
            raise StageError(
                f"the base's weights do not fit its configuration: {name} is {found}, not {expected}"
            )


def _leave_audio_out(model: Any) -> None:
    """Take the audio half out of a transformer without weights.

    With one zero audio token and isolated modalities no video token ever sees its output.
    """
    for block in model.transformer_blocks:
        compute_video_alone(block)
        for name in AUDIO_HALF:
            setattr(block, name, None)


def _of_audio(name: str) -> bool:
    pieces = name.split(".")
    return len(pieces) > 2 and pieces[0] == "transformer_blocks" and pieces[2] in AUDIO_HALF
