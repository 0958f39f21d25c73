"""The settings that belong to a machine and not to the project. Declares, and checks nothing."""

from __future__ import annotations

from ltxbuild.project.setting import Setting

MACHINE: tuple[Setting, ...] = (
    Setting(
        "memory.checkpointing",
        "choice",
        "compute activations again in the backward pass: less memory, more time",
        default="auto",
        choices=("auto", True, False),
        machine=True,
    ),
    Setting(
        "memory.precision",
        "choice",
        "precision of the base's weights; auto: what its card says",
        default="auto",
        choices=("auto", "bf16", "fp32"),
        affects=("latents", "text"),
        machine=True,
    ),
    Setting(
        "memory.quantize",
        "choice",
        "format in which the layers of the transformer's blocks are kept while a LoRA is trained and tried on them",
        default="none",
        choices=("none", "int8", "fp8", "nf4"),
        affects=("train", "loss", "sample"),
        machine=True,
    ),
    Setting(
        "memory.device",
        "choice",
        "where the model runs",
        default="auto",
        choices=("auto", "cpu", "cuda"),
        machine=True,
    ),
    Setting(
        "cache.shared",
        "text",
        "a folder or URL where several machines share results; reading and writing it is all they need",
        default="",
        machine=True,
    ),
    Setting(
        "cache.keep",
        "size",
        "what .ltxbuild may take; after a build the oldest results that nothing holds go",
        default="",
        machine=True,
    ),
    Setting(
        "cost.gpu_hour",
        "number",
        "what an hour of the GPU costs, in the currency that you pay in; 0: nothing",
        default=0.0,
        low=0,
        high=10_000,
        machine=True,
    ),
    Setting(
        "cost.limit",
        "number",
        "most that training started by `watch` may be planned to cost; 0: no limit",
        default=0.0,
        low=0,
        high=1_000_000,
        machine=True,
    ),
    Setting(
        "watch.settle",
        "number",
        "seconds without a change after which `watch` starts a fast training on a base that needs a GPU",
        default=60.0,
        low=0,
        high=86_400,
        machine=True,
    ),
)
