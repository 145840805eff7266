"""`init_cfg=dict(type='Pretrained', checkpoint=…)` of our backbones: anybody's weights, converted while they load."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from mmengine.logging import print_log
from mmengine.model import update_init_info
from torch import nn

from senet_mm.registry import WEIGHT_INITIALIZERS
from senet_mm.weights.reading import read_weights
from senet_mm.weights.source import Weights
from senet_mm.weights.strict import check_options, is_se, load_strictly


@WEIGHT_INITIALIZERS.register_module()
class Pretrained:
    """Weights of a run, of OpenMMLab, torchvision, timm, Cadene or the authors (Caffe) → a backbone of ours.

    The head and a detector's other parts are left out. Unlike mmengine's Pretrained it loads all of the backbone or
    nothing silently: what is missing, left over or of another shape is an error, and so are weights trained with
    another `style`, stem pooling or kind of SE block.

    Args:
        checkpoint: A file or an address.
        prefix: Of the backbone's names in a run's checkpoint; 'backbone.' is found without it.
        map_location: As in mmengine's; weights are read on the CPU and copied to where the backbone is.
        allow_missing: Parts of names, e.g. 'se': parameters with one of them between their dots may be missing from
            the file and keep their initial values. None means SE blocks in case the file is of a plain network, with a
            warning: a block that is not trained yet halves what it rescales.
        allow_unused: Likewise for what only the file has, e.g. 'layer4' for a backbone of three stages.
        trust: Read the file even if it executes code of its own choice.
    """

    def __init__(
        self,
        checkpoint: str,
        prefix: str | None = None,
        map_location: object = 'cpu',
        allow_missing: str | Iterable[str] | None = None,
        allow_unused: str | Iterable[str] = (),
        trust: bool = False,
    ) -> None:
        self.checkpoint, self.prefix, self.trust = checkpoint, prefix, trust
        self.allow_missing, self.allow_unused = allow_missing, allow_unused

    def __call__(self, module: nn.Module) -> None:
        """Load the weights into a backbone.

        Raises:
            DataError: The file cannot be read.
            WeightsError: The weights are not for this backbone.
        """
        weights = read_weights(self.checkpoint, prefix=self.prefix, trust=self.trust)
        check_options(weights, module)
        allowed = self._plain_start(weights, module) if self.allow_missing is None else self.allow_missing
        load_strictly(module, weights.backbone, weights.origin, allowed, self.allow_unused)
        print_log(f'{self.checkpoint}: {"; ".join(weights.summary)}', logger='current', level=logging.INFO)
        if hasattr(module, '_params_init_info'):
            update_init_info(module, init_info=f'Pretrained: load from {self.checkpoint}')

    def _plain_start(self, weights: Weights, module: nn.Module) -> str | tuple[()]:
        """What may be missing without a word in the config: the SE blocks, if the file has none at all."""
        new = [name for name in module.state_dict() if is_se(name)]
        if not new or any(map(is_se, weights.backbone)):
            return ()
        print_log(
            f'{self.checkpoint} is of a network without SE: the {len(new)} parameters of the SE blocks keep their '
            'initial values, which halve what they rescale until they are trained. With weights of an SE network the '
            'comparison is fair; to say that this is meant: init_cfg.allow_missing=se',
            logger='current',
            level=logging.WARNING,
        )
        return 'se'
