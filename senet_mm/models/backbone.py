"""What every backbone shares: outputs, freezing, the SE argument, registration, other people's checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from senet_mm.layers import SESpec, rename_openmmlab_keys
from senet_mm.models.pretrained import through_our_loader
from senet_mm.registry import MODELS

HE_INIT = [
    dict(type='Kaiming', layer='Conv2d'),
    dict(type='Constant', val=1, layer=['_BatchNorm', 'GroupNorm']),
]
DEFAULT_SE = SESpec()  # what SE<name> means where nothing is said: r = 16, Sec. 6.1


class Backbone(BaseModule):
    """x (N,3,H,W) → stem → stages → the maps of the stages in `out_indices`, a tuple.

    A family's constructor builds its stem, calls `add_stage` for each stage in order, and ends with `finish`.

    Args:
        se: None for the plain network, or the options of SESpec: `se=dict(ratio=16)`.
        out_indices: Which stages' outputs to return, counted from 0. None means the last only.
        frozen_stages: -1 trains everything; k ≥ 0 freezes the stem and the first k stages.
        norm_cfg: Normalisation layer: BN, SyncBN or GN, with mmcv's options.
        norm_eval: Keep BatchNorm in evaluation mode while training: statistics stay as loaded.
        with_cp: Recompute each block's activations in the backward pass: less memory, more time.
        init_cfg: mmengine's initialisation; He's by default, `dict(type='Pretrained', checkpoint=…)` for weights of
            our own or anybody's: see senet_mm.weights.Pretrained.
    """

    first_se_stage = 1  # the paper's number of the first stage
    init_cfg: Any

    def __init__(
        self,
        se: dict[str, Any] | SESpec | None = None,
        out_indices: Sequence[int] | None = None,
        frozen_stages: int = -1,
        norm_cfg: dict[str, Any] | None = None,
        norm_eval: bool = False,
        with_cp: bool = False,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(HE_INIT if init_cfg is None else init_cfg)
        self.se = SESpec.parse(se)
        self.norm_cfg = dict(norm_cfg or dict(type='BN'))
        self.norm_eval = norm_eval
        self.with_cp = with_cp
        self.frozen_stages = frozen_stages
        self._asked_indices = out_indices
        self._stages: list[tuple[str, int, int]] = []  # name, channels, stride
        self.register_load_state_dict_pre_hook(_rename_keys)

    def add_stage(self, name: str, stage: nn.Module | None, channels: int, stride: int) -> None:
        """Append a stage whose output has `channels` channels at 1/`stride` of the input's resolution.

        None where other people's parameter names put the modules elsewhere; `stage_modules` then says where.
        """
        if stage is not None:
            self.add_module(name, stage)
        self._stages.append((name, channels, stride))

    def finish(self) -> None:
        """Check the arguments against the stages that were added, and freeze; the constructor's last call.

        Raises:
            ValueError: out_indices, frozen_stages or the SE stages name a stage that is not there.
        """
        count = len(self._stages)
        asked = (count - 1,) if self._asked_indices is None else tuple(self._asked_indices)
        if not asked or any(not 0 <= index < count for index in asked) or list(asked) != sorted(set(asked)):
            raise ValueError(f'out_indices={asked}: {self._name} allows ascending indices from 0 to {count - 1}')
        if not -1 <= self.frozen_stages <= count:
            raise ValueError(f'frozen_stages={self.frozen_stages}: {self._name} allows -1 to {count}')
        if self.se is not None:
            first = self.first_se_stage
            self.se.check_stages(tuple(range(first, first + count)), self._name)
        self.out_indices = asked
        self._freeze()

    @property
    def _name(self) -> str:
        return type(self).__name__

    @property
    def out_channels(self) -> tuple[int, ...]:
        """Channels of each returned map."""
        return tuple(self._stages[index][1] for index in self.out_indices)

    @property
    def strides(self) -> tuple[int, ...]:
        """Stride of each returned map with respect to the input."""
        return tuple(self._stages[index][2] for index in self.out_indices)

    def stage_se(self, index: int) -> SESpec | None:
        """The SE options of the stage with this index from 0, None where it has no SE."""
        covered = self.se is not None and self.se.covers(self.first_se_stage + index)
        return self.se.at(index) if self.se is not None and covered else None

    def stem_modules(self) -> list[nn.Module]:
        """The modules before the first stage, frozen with it."""
        raise NotImplementedError

    def forward_stem(self, x: Tensor) -> Tensor:
        """x (N,3,H,W) → the first stage's input."""
        raise NotImplementedError

    def stage_modules(self, index: int) -> list[nn.Module]:
        """The modules of the stage with this index from 0, in the order they run."""
        return [getattr(self, self._stages[index][0])]

    def forward_stage(self, index: int, x: Tensor) -> Tensor:
        """The stage's input → its output."""
        for module in self.stage_modules(index):
            x = module(x)
        return x

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """x (N,3,H,W) → the maps of the stages in `out_indices`, each (N,C,H/stride,W/stride)."""
        x = self.forward_stem(x)
        outputs = []
        for index in range(self.out_indices[-1] + 1):
            x = self.forward_stage(index, x)
            if index in self.out_indices:
                outputs.append(x)
        return tuple(outputs)

    def _freeze(self) -> None:
        if self.frozen_stages < 0:
            return
        frozen = self.stem_modules()
        for index in range(self.frozen_stages):
            frozen = frozen + self.stage_modules(index)
        for module in frozen:
            module.eval()
            module.requires_grad_(False)

    def train(self, mode: bool = True) -> Backbone:
        """Switch to training, except what `frozen_stages` and `norm_eval` hold in evaluation mode."""
        super().train(mode)
        self._freeze()
        if mode and self.norm_eval:
            for module in self.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self

    def init_weights(self) -> None:
        """Initialise as `init_cfg` says; of weights, what is missing, left over or trained otherwise is an error."""
        self.init_cfg = through_our_loader(self.init_cfg)
        super().init_weights()


def _rename_keys(module: nn.Module, state_dict: dict[str, Any], prefix: str, *_: object) -> None:
    rename_openmmlab_keys(state_dict, prefix)


def register_with_se(backbone: type[Backbone]) -> type[Backbone]:
    """Register `backbone` as <name> and, with `se=dict(ratio=16)` as the default, as SE<name>; return the latter."""

    def __init__(self: Backbone, *args: Any, se: dict[str, Any] | SESpec | None = DEFAULT_SE, **kwargs: Any) -> None:  # noqa: N807
        backbone.__init__(self, *args, **dict(kwargs, se=se))

    name = f'SE{backbone.__name__}'
    doc = f'{backbone.__name__} with `se=dict(ratio=16)` as the default; nothing else differs.'
    namespace = dict(__init__=__init__, __module__=backbone.__module__, __qualname__=name, __doc__=doc)
    variant = type(name, (backbone,), namespace)
    MODELS.register_module(module=backbone)
    MODELS.register_module(module=variant)
    return variant
