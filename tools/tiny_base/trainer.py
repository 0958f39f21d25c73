"""The weights in training: two optimizers, the moving average that is shipped, and a state that lasts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lean
import torch
from material import LONG, SHORT, Material
from muon import Muon
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from ltxbuild.model.flow import masked_loss, noised, target

MUON_RATE, ADAM_RATE = 0.02, 2e-3
HORIZON = 200  # steps of the moving average


class Trainer:
    """Muon for the matrices of the blocks, AdamW for the rest."""

    def __init__(self, parts: dict[str, Any], device: torch.device) -> None:
        self.device = device
        self.transformer, self.connectors = (parts[k].to(device) for k in ("transformer", "connectors"))
        modules = {"transformer": self.transformer, "connectors": self.connectors}
        named = [(f"{n}.{k}", p) for n, m in modules.items() for k, p in m.named_parameters()]
        self.named = {k: p for k, p in named if "audio" not in k and "av_cross" not in k}
        quiet = ("scale_shift", "registers", "gate_logits")
        matrices = {
            k: p
            for k, p in self.named.items()
            if "transformer_blocks" in k and p.ndim == 2 and not any(q in k for q in quiet)
        }
        rest = [p for k, p in self.named.items() if k not in matrices]
        self.muon = Muon(list(matrices.values()))
        self.adam = torch.optim.AdamW(rest, lr=ADAM_RATE, betas=(0.9, 0.98), weight_decay=0.0, fused=True)
        self.average = {k: p.detach().clone() for k, p in self.named.items()}
        self.words = {length: self._moved(lean.words(self.connectors, length)) for length in (SHORT, LONG)}
        self.tables: dict[int, lean.Table] = {}
        self.step = 0

    def _moved(self, table: lean.Table) -> lean.Table:
        return table[0].to(self.device), table[1].to(self.device)

    def loss(self, kind: Material, count: int, length: int, dice: torch.Generator) -> torch.Tensor:
        """Mean loss of a batch, with gradient."""
        x0, states, mask = kind.draw(count, length, dice)
        sigma = torch.sigmoid(torch.randn(count, generator=dice) * 1.2 + 0.6)
        uniform = torch.rand(count, generator=dice)
        sigma = torch.where(torch.rand(count, generator=dice) < 0.1, uniform, sigma).clamp(1e-3, 1)
        noise = torch.randn(x0.shape, generator=dice)
        return self.error(kind, x0, noise, sigma, states, mask).mean()

    def error(
        self,
        kind: Material,
        x0: torch.Tensor,
        noise: torch.Tensor,
        sigma: torch.Tensor,
        states: torch.Tensor,
        mask: torch.Tensor,
    ) -> torch.Tensor:
        """The loss [B] of latents [B, S, C] at noise levels [B] under captions [B, L, H, layers]."""
        if kind.size.frames not in self.tables:
            self.tables[kind.size.frames] = self._moved(lean.positions(self.transformer, kind.size))
        x0, noise, sigma, states, mask = (t.to(self.device) for t in (x0, noise, sigma, states, mask))
        text = lean.text(self.connectors, states, mask, self.words[states.shape[1]])
        table = self.tables[kind.size.frames]
        guess = lean.video(self.transformer, noised(x0, noise, sigma[:, None, None]), sigma, text, table)
        return masked_loss(guess, target(x0, noise), torch.ones(x0.shape[:2], device=self.device))

    def update(self, scale: float) -> None:
        """One step of both optimizers at `scale` of their rates."""
        self.muon.step(MUON_RATE * scale)
        for group in self.adam.param_groups:
            group["lr"] = ADAM_RATE * scale
        self.adam.step()
        self.adam.zero_grad(set_to_none=True)
        self.step += 1
        keep = max(1 / HORIZON, 1 / (1 + self.step * 0.15))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.average.values()), list(self.named.values()), keep)

    def save(self, path: Path) -> None:
        """Everything that a resumed run needs."""
        tensors = {f"p.{k}": p.detach() for k, p in self.named.items()}
        tensors |= {f"a.{k}": v for k, v in self.average.items()}
        tensors |= {f"muon.{i}": m for i, m in enumerate(self.muon.momenta)}
        for index, state in self.adam.state_dict()["state"].items():
            tensors |= {f"adam.{index}.{k}": torch.as_tensor(v) for k, v in state.items()}
        whole = {k: v.contiguous().cpu() for k, v in tensors.items()}
        save_file(whole, path.with_suffix(".new"), {"step": str(self.step)})
        path.with_suffix(".new").replace(path)

    def load(self, path: Path) -> None:
        """Go on from a saved state."""
        tensors = load_file(path)
        with safe_open(path, "pt") as file:
            self.step = int(file.metadata()["step"])
        with torch.no_grad():
            for name, parameter in self.named.items():
                parameter.copy_(tensors[f"p.{name}"])
                self.average[name].copy_(tensors[f"a.{name}"])
        for index, momentum in enumerate(self.muon.momenta):
            momentum.copy_(tensors[f"muon.{index}"])
        state: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in tensors.items():
            if key.startswith("adam."):
                _, index, field = key.split(".", 2)
                state.setdefault(int(index), {})[field] = value
        groups = self.adam.state_dict()["param_groups"]
        self.adam.load_state_dict({"state": state, "param_groups": groups})

    def swap_average(self) -> None:
        """Exchange the weights and their moving average, which is what is shipped."""
        with torch.no_grad():
            for name, parameter in self.named.items():
                kept = parameter.detach().clone()
                parameter.copy_(self.average[name])
                self.average[name].copy_(kept)
