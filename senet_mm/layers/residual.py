"""A unit's slots for an SE block, and the fused residual join (Sec. 6.5, Fig. 5)."""

from __future__ import annotations

import torch
from mmengine.model import BaseModule
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from senet_mm.layers.se import SEBlock, SESpec


class SEUnit(BaseModule):
    """A unit of any kind with one place for an SE block.

    A subclass calls `place_se` in its constructor and implements `_forward`, with `rescale` at each of its places.
    With `with_cp` set it recomputes its activations in the backward pass.
    """

    with_cp = False

    se: SEBlock | None
    se_position: str | None

    def __init__(self) -> None:
        super().__init__()
        # Not class attributes: those would hide the submodule of the same name.
        self.se = self.se_position = None

    def place_se(self, spec: SESpec | None, channels: dict[str, int]) -> None:
        """Put the SE block of `spec` in its place.

        Args:
            spec: None for a unit without SE.
            channels: For every position that this unit offers, the channels of the map found there.

        Raises:
            ValueError: The unit does not offer the spec's position.
        """
        if spec is None:
            return
        if spec.position not in channels:
            allowed = ', '.join(map(repr, channels))
            raise ValueError(f'SE option position={spec.position!r}: {type(self).__name__} allows {allowed}')
        self.se_position = spec.position
        self.se = spec.build(channels[spec.position])

    def rescale(self, position: str, u: Tensor) -> Tensor:
        """The map u (N,C,H,W) found at `position`: rescaled if the SE block sits there, as it is otherwise."""
        return self.se(u) if self.se is not None and self.se_position == position else u

    def _forward(self, x: Tensor) -> Tensor:
        """What the unit does, without regard to `with_cp`."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """x (N,C,H,W) → (N,C',H/stride,W/stride)."""
        if self.with_cp and x.requires_grad:
            return checkpoint(self._forward, x, use_reentrant=False)
        return self._forward(x)


class ResidualUnit(SEUnit):
    """A residual unit with one place for an SE block; the others cost nothing.

    standard  x → F(x)·s + shortcut(x)
    pre       x → F(x·s) + shortcut(x)
    post      x → y·s, y = activation(F(x) + shortcut(x))
    identity  x → F(x) + shortcut(x)·s
    3x3       s rescales the output of the 3×3 convolution inside F, after its activation

    A subclass calls `place_se` in its constructor and `before`, `inside` and `join` in its forward pass.
    """

    def before(self, x: Tensor) -> Tensor:
        """The input of the residual branch F."""
        return self.rescale('pre', x)

    def inside(self, x: Tensor) -> Tensor:
        """The 3×3 convolution's output on its way through F."""
        return self.rescale('3x3', x)

    def join(self, branch: Tensor, shortcut: Tensor, activate: bool = True, scale: float = 1.0) -> Tensor:
        """scale·branch + shortcut, both (N,C,H,W), rescaled where the position says; then ReLU if `activate`.

        Scale and sum are one operation, as in the paper's own code ("Axpy"): the scaled map is never stored.
        """
        if self.se is not None and self.se_position == 'standard':
            y = torch.addcmul(shortcut, branch, self.se.excite(branch), value=scale)
        elif self.se is not None and self.se_position == 'identity':
            y = torch.addcmul(branch if scale == 1 else branch * scale, shortcut, self.se.excite(shortcut))
        else:
            y = torch.add(shortcut, branch, alpha=scale)
        if activate:
            y = torch.relu_(y)
        return self.rescale('post', y)
