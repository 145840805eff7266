"""Pictures of a detector's test, of every n-th image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmdet.engine.hooks import DetVisualizationHook
from mmdet.structures import DetDataSample
from mmengine.runner import Runner

from senet_mm.registry import HOOKS


@HOOKS.register_module()
class DetectionPictures(DetVisualizationHook):
    """mmdet's hook, whose `interval` says nothing in tests; here the images 0, n, 2n, … of a process are drawn.

    Args:
        interval: n.
        **kwargs: Of mmdet's hook.
    """

    def __init__(self, interval: int = 1, **kwargs: Any) -> None:
        super().__init__(interval=interval, **kwargs)
        self._seen = 0

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any, outputs: Sequence[DetDataSample]
    ) -> None:
        """Draw those of the batch whose turn it is."""
        drawn = [sample for number, sample in enumerate(outputs, self._seen) if number % self.interval == 0]
        self._seen += len(outputs)
        super().after_test_iter(runner, batch_idx, data_batch, drawn)
