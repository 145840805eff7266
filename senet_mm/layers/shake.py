"""The random mix of two branches that regularises Shake-Shake networks (arXiv 1705.07485, Fig. 1)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, distributed, nn

FORWARD_SHAKES = ('shake', 'even')
BACKWARD_SHAKES = ('shake', 'even', 'keep')


class _Mix(torch.autograd.Function):
    """Forward a·first + (1 – a)·second, backward b and 1 – b times the gradient; the maps are not kept."""

    @staticmethod
    def forward(first: Tensor, second: Tensor, alpha: Tensor, beta: Tensor) -> Tensor:
        del beta
        return torch.lerp(second, first, alpha)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        del output
        ctx.save_for_backward(inputs[3])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        (beta,) = ctx.saved_tensors
        return gradient * beta, gradient * (1 - beta), None, None


class ShakeMix(nn.Module):
    """Two maps (N,C,H,W) → α·first + (1 – α)·second (N,C,H,W); their gradients are those of β and 1 – β.

    In training α and β are drawn anew in each forward pass, independently of one another and from [0, 1), by torch's
    generator of the maps' device: torch's seed fixes them, and checkpointing, which restores the generator, recomputes
    with the same ones. Processes of a distributed run draw different ones even where they share a seed. In evaluation
    both are 1/2, their expectation. They are rounded to the type of the maps.

    Args:
        forward_shake: 'shake' draws α; 'even' takes 1/2.
        backward_shake: 'shake' draws β; 'even' takes 1/2; 'keep' takes α, as for an ordinary sum.
        per_image: Coefficients for each image ("Image"), or for the batch of a process ("Batch").

    Raises:
        ValueError: An argument is not one of these.
    """

    def __init__(self, forward_shake: str = 'shake', backward_shake: str = 'shake', per_image: bool = True) -> None:
        super().__init__()
        for name, value, allowed in (
            ('forward_shake', forward_shake, FORWARD_SHAKES),
            ('backward_shake', backward_shake, BACKWARD_SHAKES),
            ('per_image', per_image, (True, False)),
        ):
            if value not in allowed:
                raise ValueError(f'{name}={value!r} is not one of {", ".join(map(repr, allowed))}')
        self.forward_shake, self.backward_shake, self.per_image = forward_shake, backward_shake, per_image

    @property
    def _is_even(self) -> bool:
        return self.forward_shake == 'even' and self.backward_shake != 'shake'

    def draw(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """Coefficients α and β for maps `like` (N,C,H,W): each (N,1,1,1), or (1,1,1,1) for the whole batch."""
        rank, processes = 0, 1
        if distributed.is_available() and distributed.is_initialized():
            rank, processes = distributed.get_rank(), distributed.get_world_size()
        count = len(like) if self.per_image else 1
        alpha, beta = torch.rand(processes, 2, count, 1, 1, 1, device=like.device)[rank].to(like.dtype)
        if self.forward_shake == 'even':
            alpha = torch.full_like(alpha, 0.5)
        if self.backward_shake == 'even':
            beta = torch.full_like(beta, 0.5)
        return alpha, alpha if self.backward_shake == 'keep' else beta

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Mix the maps."""
        if not self.training or self._is_even:
            return torch.lerp(second, first, 0.5)
        return _Mix.apply(first, second, *self.draw(first))

    def extra_repr(self) -> str:
        """The arguments, for print."""
        return f'{self.forward_shake!r}, {self.backward_shake!r}, per_image={self.per_image}'
