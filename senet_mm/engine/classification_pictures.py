"""Pictures of a classifier's test, where mmdet puts those of a detector's."""

from __future__ import annotations

import os

from mmengine.runner import Runner
from mmpretrain.engine.hooks import VisualizationHook

from senet_mm.registry import HOOKS


@HOOKS.register_module()
class ClassificationPictures(VisualizationHook):
    """mmpretrain's hook, with `out_dir` below the work dir's time stamp in place of the current folder."""

    out_dir: str | None

    def before_test(self, runner: Runner) -> None:
        """Find the folder; an absolute one stays what it is."""
        if self.out_dir is not None:
            self.out_dir = os.path.join(runner.work_dir, runner.timestamp, self.out_dir)
