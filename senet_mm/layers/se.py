"""The Squeeze-and-Excitation block and its options (arXiv 1709.01507v4, Sec. 3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from senet_mm.registry import MODELS

SQUEEZES = ('avg', 'max', 'none')
GATES: dict[str, type[nn.Module]] = {'sigmoid': nn.Sigmoid, 'tanh': nn.Tanh, 'relu': nn.ReLU}
POSITIONS = ('standard', 'pre', 'post', 'identity', '3x3')


def _check_choice(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f'SE option {name}={value!r} is not one of {", ".join(map(repr, allowed))}')


@dataclass(frozen=True)
class SESpec:
    """How the SE blocks of a network look and where they sit; what the `se=` argument of a backbone is parsed into.

    Attributes:
        ratio: Reduction ratio r; the hidden width is `max(1, C // r)` (Sec. 3.2, Table 10). A list has one for each
            stage of the network, with SE or without.
        squeeze: 'avg' or 'max' pooling over space (Table 11), or 'none': the two layers become 1×1 convolutions
            over the whole map, the paper's NoSqueeze (Table 16).
        gate: 'sigmoid', 'tanh' or 'relu' at the end of the excitation (Table 12).
        bias: Whether both layers have biases: the released networks do, the paper's ablations do not.
        position: Where the block sits in a residual unit (Fig. 5, Table 14; '3x3': Table 15).
        stages: Which stages have SE, by the paper's numbers (in a ResNet 2–5 are layer1–layer4; Table 13).
            None means all.
    """

    ratio: int | tuple[int, ...] = 16
    squeeze: str = 'avg'
    gate: str = 'sigmoid'
    bias: bool = True
    position: str = 'standard'
    stages: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        ratios = tuple(self.ratio) if isinstance(self.ratio, Sequence) else (self.ratio,)
        if not ratios or any(isinstance(ratio, bool) or not isinstance(ratio, int) or ratio < 1 for ratio in ratios):
            raise ValueError(f'SE option ratio={self.ratio!r} is not a whole number of 1 or more, nor a list of them')
        if isinstance(self.ratio, Sequence):
            object.__setattr__(self, 'ratio', ratios)
        if not isinstance(self.bias, bool):
            raise ValueError(f'SE option bias={self.bias!r} is not True or False')
        _check_choice('squeeze', self.squeeze, SQUEEZES)
        _check_choice('gate', self.gate, tuple(GATES))
        _check_choice('position', self.position, POSITIONS)
        if self.stages is not None:
            try:
                stages = tuple(self.stages)
            except TypeError:
                stages = ()
            if not stages or any(isinstance(stage, bool) or not isinstance(stage, int) for stage in stages):
                raise ValueError(f'SE option stages={self.stages!r} is not a list of stage numbers, e.g. [3, 4]')
            object.__setattr__(self, 'stages', stages)

    @classmethod
    def parse(cls, se: SESpec | Mapping[str, Any] | None) -> SESpec | None:
        """Read the `se` argument of a backbone.

        Raises:
            ValueError: An option is unknown or has a value it cannot have; the message names what is allowed.
            TypeError: `se` is not None, a dict or an SESpec.
        """
        if se is None or isinstance(se, cls):
            return se
        if not isinstance(se, Mapping):
            raise TypeError(f'se={se!r} is not None or a dict of options, e.g. se=dict(ratio=16)')
        allowed = [field.name for field in fields(cls)]
        unknown = sorted(set(se) - set(allowed))
        if unknown:
            raise ValueError(f'unknown SE option {", ".join(unknown)}; the options are {", ".join(allowed)}')
        return cls(**se)

    def check_stages(self, available: tuple[int, ...], network: str) -> None:
        """Raise a ValueError if the stages asked for, or the ratios of all, are not those of `network`."""
        if isinstance(self.ratio, tuple) and len(self.ratio) != len(available):
            raise ValueError(f'SE option ratio={list(self.ratio)}: {network} has {len(available)} stages')
        missing = sorted(set(self.stages or ()) - set(available))
        if missing:
            raise ValueError(f'SE option stages={list(self.stages or ())}: {network} has stages {list(available)}')

    def covers(self, stage: int) -> bool:
        """Whether the stage with this number (the paper's numbering) has SE blocks."""
        return self.stages is None or stage in self.stages

    def at(self, index: int) -> SESpec:
        """The spec of the stage with this index from 0: of several ratios its own.

        Raises:
            ValueError: There are fewer ratios than stages.
        """
        if not isinstance(self.ratio, tuple):
            return self
        if index >= len(self.ratio):
            raise ValueError(f'SE option ratio={list(self.ratio)}: the network has more stages, and each needs a ratio')
        return replace(self, ratio=self.ratio[index])

    def build(self, channels: int) -> SEBlock:
        """The SE block of this spec for maps of `channels` channels."""
        if isinstance(self.ratio, tuple):
            raise ValueError(f'SE option ratio={list(self.ratio)}: one block has one ratio')
        return SEBlock(channels, ratio=self.ratio, squeeze=self.squeeze, gate=self.gate, bias=self.bias)


@MODELS.register_module()
class SEBlock(BaseModule):
    """u (N,C,H,W) → squeeze (N,C,1,1) → fc1, ReLU (N,C/r,1,1) → fc2, gate: s (N,C,1,1) → u·s (N,C,H,W); Sec. 3.1–3.2.

    With `squeeze='none'` there is no pooling and s is (N,C,H,W). Also an OpenMMLab plugin layer: mmdet's ResNet builds
    it with `plugins=[dict(cfg=dict(type='senet_mm.SEBlock', ratio=16), position='after_conv3')]`.

    Args:
        in_channels: C.
        ratio: See SESpec, as for squeeze, gate and bias.
        squeeze: 'avg', 'max' or 'none'.
        gate: 'sigmoid', 'tanh' or 'relu'.
        bias: Whether fc1 and fc2 have biases.
        init_cfg: mmengine's initialisation; He's by fan-in by default.

    Raises:
        ValueError: An argument has a value it cannot have.
    """

    _abbr_ = 'se'

    def __init__(
        self,
        in_channels: int,
        ratio: int = 16,
        squeeze: str = 'avg',
        gate: str = 'sigmoid',
        bias: bool = True,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg or dict(type='Kaiming', layer='Conv2d', mode='fan_in'))
        spec = SESpec(ratio=ratio, squeeze=squeeze, gate=gate, bias=bias)
        if in_channels < 1:
            raise ValueError(f'SEBlock: in_channels={in_channels} is not 1 or more')
        hidden = max(1, in_channels // ratio)
        self.squeeze = spec.squeeze
        # 1×1 convolutions, not Linear: one layout for pooled and unpooled maps, and the released checkpoints' shapes.
        self.fc1 = nn.Conv2d(in_channels, hidden, 1, bias=bias)
        self.fc2 = nn.Conv2d(hidden, in_channels, 1, bias=bias)
        self.gate = GATES[spec.gate]()

    def excite(self, u: Tensor) -> Tensor:
        """The gates s of u (N,C,H,W): (N,C,1,1), or (N,C,H,W) without a squeeze; in u's type."""
        if self.squeeze == 'avg':
            # Not adaptive pooling: in channels-last half precision that has given NaN (pytorch#43992). Sums of
            # 112×112 half-precision values need float32.
            precise = torch.float32 if u.dtype in (torch.float16, torch.bfloat16) else u.dtype
            z = u.mean((2, 3), keepdim=True, dtype=precise).to(u.dtype)
        elif self.squeeze == 'max':
            z = u.amax((2, 3), keepdim=True)
        else:
            z = u
        return self.gate(self.fc2(torch.relu(self.fc1(z)))).to(u.dtype)

    def forward(self, u: Tensor) -> Tensor:
        """Rescale u (N,C,H,W) by its gates."""
        return u * self.excite(u)


# Where OpenMMLab's SE-ResNets keep what SEBlock calls fc1 and fc2 (mmpretrain/models/backbones/seresnet.py).
OPENMMLAB_KEYS = {'.se_layer.conv1.conv.': '.se.fc1.', '.se_layer.conv2.conv.': '.se.fc2.'}


def rename_openmmlab_keys(state_dict: dict[str, Any], prefix: str) -> None:
    """Rename, in place, the SE keys of OpenMMLab's checkpoints below `prefix` to ours."""
    for key in [key for key in state_dict if key.startswith(prefix) and '.se_layer.' in key]:
        renamed = key
        for theirs, ours in OPENMMLAB_KEYS.items():
            renamed = renamed.replace(theirs, ours)
        state_dict[renamed] = state_dict.pop(key)
