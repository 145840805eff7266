"""The learning rate ÷10 whenever the validation loss stops falling, and the end of training after the last of these."""

from __future__ import annotations

import logging
from typing import Any

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.optim import OptimWrapper
from mmengine.optim.scheduler import ReduceOnPlateauLR
from mmengine.runner import Runner

from senet_mm.data.errors import DataError
from senet_mm.registry import HOOKS, PARAM_SCHEDULERS


@PARAM_SCHEDULERS.register_module()
class PlateauLR(ReduceOnPlateauLR):
    """mmengine's ReduceOnPlateauLR with a number of reductions: from `lr` by `factor` each time, `steps` times.

    mmengine bounds the learning rate itself, which is another number of reductions once `--auto-scale-lr` has changed
    it. `finished` turns true at the plateau after the last reduction; PlateauHook then ends the training.

    Args:
        optimizer: The optimizer, or mmengine's wrapper of it.
        steps: How often to reduce (Sec. 6 of the paper: three times).
        **kwargs: Of ReduceOnPlateauLR: monitor, rule, factor, patience, threshold, cooldown, …
    """

    def __init__(self, optimizer: OptimWrapper, steps: int = 3, **kwargs: Any) -> None:
        if steps < 1:
            raise ValueError(f'steps={steps}: PlateauLR takes 1 or more')
        super().__init__(optimizer, **kwargs)
        self.steps = steps
        self.reductions = 0

    @property
    def finished(self) -> bool:
        """Whether the metric has stopped improving at the lowest learning rate, too."""
        return self.reductions > self.steps

    def _get_value(self) -> list[float]:
        """The next values; mmengine asks for them at a plateau, and only then."""
        self.reductions += 1
        if self.finished:
            return [group[self.param_name] for group in self.optimizer.param_groups]
        return super()._get_value()


@HOOKS.register_module()
class PlateauHook(Hook):
    """What a PlateauLR cannot do: end the training when it is finished, and see all validations of a resumed run."""

    priority = 'VERY_LOW'  # after ParamSchedulerHook, which is LOW

    def before_train(self, runner: Runner) -> None:
        """Repeat the validation of the epoch resumed from: mmengine saves an epoch before it validates it.

        Raises:
            DataError: There is no validation, so the learning rate would never fall.
        """
        if not _plateaus(runner):
            return
        if runner.val_loop is None:
            raise DataError('The schedule watches the validation loss, so it cannot do without validation.')
        if runner.epoch and runner.epoch % runner.train_loop.val_interval == 0:
            runner.val_loop.run()

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Look at the scheduler, which has just seen the metrics."""
        if any(scheduler.finished for scheduler in _plateaus(runner)):
            runner.train_loop.stop_training = True
            message = f'No improvement at the lowest learning rate: training ends after epoch {runner.epoch}.'
            print_log(message, logger='current', level=logging.INFO)


def _plateaus(runner: Runner) -> list[PlateauLR]:
    return [scheduler for scheduler in runner.param_schedulers or [] if isinstance(scheduler, PlateauLR)]
