"""Muon for many small matrices at once, in float32: half precision is many times slower on most CPUs."""

from __future__ import annotations

from collections.abc import Sequence

import torch

# Newton-Schulz steps towards the nearest orthogonal matrix (Polar Express, arXiv 2505.16932).
STEPS = (
    (4.0848, -6.8946, 2.9270),
    (3.9505, -6.3029, 2.6377),
    (3.7418, -5.5913, 2.3037),
    (2.8769, -3.1427, 1.2046),
    (2.8366, -3.0525, 1.2012),
)
MOMENTUM = 0.95


def orthogonal(x: torch.Tensor) -> torch.Tensor:
    """Matrices [N, r, c] with r <= c, made nearly orthogonal."""
    x = x / (x.flatten(1).norm(dim=1)[:, None, None] + 1e-7)
    for a, b, c in STEPS:
        square = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(square, square, square, beta=b, alpha=c), x, beta=a)
    return x


class Muon:
    """Groups matrices by shape, tall ones transposed, and moves each group in one go."""

    def __init__(self, parameters: Sequence[torch.nn.Parameter]) -> None:
        groups: dict[tuple[int, int], list[torch.nn.Parameter]] = {}
        for parameter in parameters:
            rows, columns = parameter.shape
            groups.setdefault((min(rows, columns), max(rows, columns)), []).append(parameter)
        self.groups = list(groups.values())
        self.momenta = [torch.zeros(len(g), *shape) for shape, g in groups.items()]

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """One step, and forget the gradients."""
        for group, momentum in zip(self.groups, self.momenta, strict=True):
            gradient = torch.stack([_wide(p.grad) for p in group if p.grad is not None])
            momentum.lerp_(gradient, 1 - MOMENTUM)
            for parameter, move in zip(group, orthogonal(gradient.lerp(momentum, MOMENTUM)), strict=True):
                rows, columns = parameter.shape
                scale = rate * max(1, rows / columns) ** 0.5
                parameter.add_(move if rows <= columns else move.T, alpha=-scale)
                parameter.grad = None


def _wide(matrix: torch.Tensor) -> torch.Tensor:
    return matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
