"""The LoRA that training starts from: whether the file can be one, before anything is spent. Reads its header alone."""

from __future__ import annotations

from pathlib import Path

from ltxbuild.adapter.described import Description, describe
from ltxbuild.adapter.header import NotSafetensors, read_header
from ltxbuild.problem import Problem
from ltxbuild.project.resolved import Settings, TrainSettings
from ltxbuild.project.settings import MODES
from ltxbuild.project.toml_file import Document


def start_path(wanted: str) -> str:
    """The file as the graph names it: relative to the project, or absolute if the user named it so."""
    given = Path(wanted).expanduser()
    return str(given) if given.is_absolute() else given.as_posix()


def check_start(root: Path, settings: Settings, lora: Document, problems: list[Problem]) -> None:
    """Add P219 for each mode whose LoRA to start from is missing, is none, or does not fit the recipe."""
    found: dict[tuple[str, str], Problem] = {}
    for mode in MODES:
        train = settings.mode(mode)
        if not train.init_from:
            continue
        fault = _fault(root / start_path(train.init_from), train)
        if fault is not None:
            own = lora.value("train", mode, "init_from")
            what, hint = fault
            span = own if own is not None else lora.value("train", "init_from")
            found.setdefault((what, hint), Problem("P219", what, span, hint))
    problems += found.values()


def _fault(path: Path, train: TrainSettings) -> tuple[str, str] | None:
    name = path.name
    try:
        described = describe(read_header(path))
    except NotSafetensors as error:
        return f"`{name}` is no LoRA: {error}", "name a .safetensors file"
    except OSError as error:
        return f"`{name}` cannot be read: {error.strerror}", "a path is relative to the project, or absolute"
    if described.problems:
        more = f" (and {len(described.problems) - 1} more)" if len(described.problems) > 1 else ""
        return (
            f"`{name}` cannot be started from: {described.problems[0]}{more}",
            "`ltxbuild inspect FILE` tells all",
        )
    return _mismatch(name, described, train)


def _mismatch(name: str, described: Description, train: TrainSettings) -> tuple[str, str] | None:
    ranks = sorted(
        {layer.rank for module, layer in described.layers.items() if module not in described.audio}
    )
    if ranks != [train.rank]:
        many = (
            f"ranks {', '.join(map(str, ranks))}"
            if len(ranks) > 1
            else f"rank {ranks[0]}"
            if ranks
            else "no rank"
        )
        hint = f"set `rank = {ranks[0]}` under [train]" if len(ranks) == 1 else "take a LoRA of one rank"
        return f"`{name}` has {many}, the recipe rank {train.rank}", hint
    if described.targets != train.targets and train.targets == "attention":
        return (
            f"`{name}` changes feed-forward layers, which the recipe leaves as they are",
            'set `targets = "attention+ff"` under [train]',
        )
    gates = [module for module in described.layers if module.endswith("to_gate_logits")]
    if gates:
        return f"`{name}` changes {gates[0]}, which no recipe trains", "take a LoRA without it"
    return None
