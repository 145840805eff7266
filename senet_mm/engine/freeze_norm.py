"""BatchNorm as in testing for the last epochs of training: SENet-154, modification (f) of the paper's appendix."""

from __future__ import annotations

import logging
from typing import Any

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.optim import OptimWrapper
from mmengine.runner import EpochBasedTrainLoop, Runner
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import Optimizer

from senet_mm.registry import HOOKS


@HOOKS.register_module()
class FreezeNormHook(Hook):
    """For the last epochs: every BatchNorm normalises with its running statistics, and these and its weights stay.

    Whether an epoch is one of them follows from its number, so a resumed run is frozen where the first would have been.
    The weights keep `requires_grad`: DistributedDataParallel does not allow a parameter to drop out. Their gradients
    are taken away just before the optimizer's step, which then passes them over, weight decay and momentum included.

    Args:
        last_epochs: How many epochs; 0 freezes nothing. The paper says "the last few".
    """

    def __init__(self, last_epochs: int) -> None:
        if last_epochs < 0:
            raise ValueError(f'last_epochs={last_epochs}: FreezeNormHook takes 0 or more')
        self.last_epochs = last_epochs
        self._norms: list[_BatchNorm] = []
        self._frozen = False

    def before_train(self, runner: Runner) -> None:
        """Find the network's BatchNorm layers.

        Raises:
            ValueError: The training loop does not count epochs, or there is more than one optimizer.
        """
        if not isinstance(runner.train_loop, EpochBasedTrainLoop):
            raise ValueError('FreezeNormHook counts epochs: it needs train_cfg=dict(by_epoch=True, …)')
        if not isinstance(runner.optim_wrapper, OptimWrapper):
            raise ValueError('FreezeNormHook works with one optimizer')
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        self._norms = [module for module in model.modules() if isinstance(module, _BatchNorm)]
        runner.optim_wrapper.optimizer.register_step_pre_hook(self._drop_gradients)

    def before_train_epoch(self, runner: Runner) -> None:
        """Decide for this epoch."""
        frozen = runner.epoch >= runner.max_epochs - self.last_epochs
        if frozen and not self._frozen:
            message = f'BatchNorm is frozen from epoch {runner.epoch + 1} to {runner.max_epochs}.'
            print_log(message, logger='current', level=logging.INFO)
        self._frozen = frozen

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Switch to evaluation mode; the training loop has switched everything to training after before_train_epoch."""
        if self._frozen:
            for norm in self._norms:
                norm.eval()

    def _drop_gradients(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        if self._frozen:
            for norm in self._norms:
                for parameter in norm.parameters():
                    parameter.grad = None
