"""Training of a small network under recording."""

from argparse import Namespace
from pathlib import Path

from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.runner import Runner

from senet_mm.engine import recording
from senet_mm.engine.record import read_record
from tests.engine.small import Data, Small, settings

STEM = 'small'


class Images(Data):
    """With what a data set of mmengine says of itself."""

    metainfo = dict(classes=list('abcde'))  # noqa: RUF012
    split = 'train'

    def get_data_info(self, index):
        return dict(img_path=f'{index}.png', gt_label=int(self.labels[index]))


class Others(Images):
    """As many images, and others."""

    def get_data_info(self, index):
        return super().get_data_info(index) | dict(img_path=f'other_{index}.png')


class Count(BaseMetric):
    default_prefix = 'count'

    def process(self, data_batch, data_samples):
        self.results.append(len(data_samples))

    def compute_metrics(self, results):
        return dict(images=sum(results), nothing=float('nan'))


def start(work_dir, epochs=3, hooks=(), stem=STEM, seed=0, data=None, accumulated=4, **changes):
    """Train under recording, on one process with a batch of 4 × 4 images; the record afterwards."""
    cfg = settings(work_dir, 4, epochs, **changes)
    if accumulated > 1:
        cfg.optim_wrapper.accumulative_counts = accumulated
    args = Namespace(config=f'configs/{stem}.py', cfg_options={'a.b': 1} if changes else None)
    runner = build(cfg, Small(), data or Images(), hooks, seed)
    try:
        with recording.recording(runner, args):
            runner.train()
    except (RuntimeError, KeyboardInterrupt):
        pass
    return read_record(Path(work_dir, 'run.json'))


def build(cfg, model, data, hooks=(), seed=0):
    names = ('work_dir', 'train_cfg', 'optim_wrapper', 'param_scheduler', 'auto_scale_lr', 'log_level')
    loader = dict(cfg.train_dataloader, dataset=data)
    options = {name: cfg[name] for name in (*names, 'resume', 'load_from') if name in cfg}
    tests = dict(test_dataloader=loader, test_cfg={}, test_evaluator=[Count()])
    cfg.model = {}
    name = f'{Path(cfg.work_dir).name}_{id(cfg)}'
    return Runner(
        model=model,
        train_dataloader=loader,
        cfg=cfg,
        experiment_name=name,
        default_hooks=dict(logger=None),
        custom_hooks=list(hooks),
        randomness=dict(seed=seed),
        **tests,
        **options,
    )


class Stop(Hook):
    """Raises at the end of an epoch, counted from 0."""

    def __init__(self, epoch, error):
        self.epoch, self.error = epoch, error

    def after_train_epoch(self, runner):
        if runner.epoch == self.epoch:
            raise self.error
