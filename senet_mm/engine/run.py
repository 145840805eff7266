"""One training or test run: from the command line's arguments to mmengine's Runner and back."""

from __future__ import annotations

import senet_mm.registry  # noqa: F401  # isort: skip  (first: it says what to do where OpenCV cannot be imported)

import json
import os
from argparse import Namespace
from datetime import datetime
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.runner import Runner

from senet_mm.compat.mmpretrain_import import import_without_mmdet
from senet_mm.data.data_root import set_data_root
from senet_mm.data.errors import DataError
from senet_mm.data.presence import require_data
from senet_mm.engine import evaluation
from senet_mm.engine.accumulate import accumulate, count_processes
from senet_mm.engine.checkpoint import use_in_mmengine
from senet_mm.engine.checkpoint_fit import CheckpointFit
from senet_mm.engine.checkpoint_source import locate
from senet_mm.engine.config import read_config
from senet_mm.engine.record import FILE, locked
from senet_mm.engine.recording import add_test, describe_test, recording
from senet_mm.engine.trackers import add_trackers

LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


def load_config(args: Namespace) -> Config:
    """The config of a run, with what the command line changes.

    Raises:
        DataError: There is no such config.
    """
    cfg = read_config(args.config)
    if getattr(args, 'data_root', None):
        set_data_root(cfg, args.data_root)
    if args.cfg_options:
        cfg.merge_from_dict(args.cfg_options)
    return cfg


def _set_up(args: Namespace) -> Config:
    cfg = load_config(args)
    use_in_mmengine(trust=args.trust_checkpoint)
    cfg.launcher = args.launcher
    if args.work_dir:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = str(Path('work_dirs', Path(args.config).stem))
    for name in LOADERS:
        loader = cfg.get(name)
        if loader:
            # torch refuses persistent workers where there are none, and warns of pinned memory without a GPU.
            loader.persistent_workers = loader.get('persistent_workers', False) and loader.num_workers > 0
            loader.pin_memory = loader.get('pin_memory', False) and not args.no_pin_memory and torch.cuda.is_available()
    if args.amp and not torch.cuda.is_available():
        raise DataError('--amp needs a GPU, and torch finds none here')
    if args.launcher == 'pytorch' and not torch.cuda.is_available():
        _distribute_over_cpus(cfg)
    if cfg.get('default_scope') == 'mmpretrain':
        import_without_mmdet()
    return cfg


def _distribute_over_cpus(cfg: Config) -> None:
    """Several processes without a GPU: mmengine's own set-up asks for one in two places."""
    torch.distributed.init_process_group('gloo')
    cfg.env_cfg.dist_cfg.backend = 'gloo'
    wrapper = dict(
        type='MMDistributedDataParallel',
        device_ids=None,  # mmengine's default is the GPU with the process's number
        broadcast_buffers=False,
        find_unused_parameters=cfg.get('find_unused_parameters', False),
    )
    cfg.model_wrapper_cfg = {**wrapper, **(cfg.get('model_wrapper_cfg') or {})}


def _apply_training_options(cfg: Config, args: Namespace) -> None:
    """Change the config as the options of `tools/train.py` say.

    Raises:
        DataError: An option does not fit the config.
    """
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    if args.no_persistent_workers:
        for name in LOADERS:
            if cfg.get(name):
                cfg[name].persistent_workers = False
    if args.amp:
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
        cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')
    if args.auto_scale_lr:
        if 'base_batch_size' not in cfg.get('auto_scale_lr', {}):
            raise DataError(f'--auto-scale-lr: {args.config} does not say auto_scale_lr=dict(base_batch_size=…)')
        cfg.auto_scale_lr.enable = True
    if args.accumulate:
        accumulate(cfg, count_processes(args.launcher))
    add_trackers(cfg, args.log)
    if args.resume is not None:
        cfg.resume = True
        cfg.load_from = None if args.resume == 'auto' else args.resume


def train(args: Namespace) -> None:
    """Train as `tools/train.py` was asked to.

    Raises:
        DataError: Config or data are not there, or an option does not fit the config or the machine.
    """
    cfg = _set_up(args)
    _apply_training_options(cfg, args)
    require_data(cfg, splits=('train', 'val') if cfg.get('val_dataloader') else ('train',))
    _require_weights(cfg)
    if cfg.get('load_from'):
        locate(cfg.load_from)
    runner = Runner.from_cfg(cfg)
    resume = cfg.get('resume', False)
    source = cfg.get('load_from') or 'The newest checkpoint of the work dir'
    runner.register_hook(CheckpointFit(source, 'resume' if resume else 'fine-tune'), priority='VERY_HIGH')
    with recording(runner, args):
        runner.train()


def _require_weights(cfg: Config) -> None:
    """Say what to do where a backbone starts from a file that is not there; what lies behind a URL is trusted."""
    init_cfg = cfg.model.get('backbone', {}).get('init_cfg')
    weights = init_cfg.get('checkpoint', '') if isinstance(init_cfg, dict) else ''
    if weights and '://' not in weights and not Path(weights).is_file():
        raise DataError(
            f'The backbone starts from {weights}, which is not there. Train that network first, name another file with '
            '--cfg-options model.backbone.init_cfg.checkpoint=…, or start from nothing: model.backbone.init_cfg=None'
        )


def test(args: Namespace) -> None:
    """Test as `tools/test.py` was asked to; the metrics also go to metrics.json in the work dir.

    Raises:
        DataError: Config, checkpoint or data are not there, or an option does not fit the config or the machine.
    """
    locate(args.checkpoint)
    cfg = _set_up(args)
    cfg.load_from = args.checkpoint
    evaluation.configure(cfg, args)
    require_data(cfg, splits=('test',))
    runner = Runner.from_cfg(cfg)
    runner.register_hook(CheckpointFit(args.checkpoint, 'test'), priority='VERY_HIGH')
    if args.out and args.out_item == 'pred':
        evaluation.save_predictions(runner, args.out)
    metrics = runner.test()
    if is_main_process():
        parameters = sum(parameter.numel() for parameter in runner.model.parameters())
        record = dict(
            config=args.config,
            checkpoint=args.checkpoint,
            test_time_augmentation=args.tta,
            crops=args.crops,
            date=datetime.now().astimezone().isoformat(timespec='seconds'),
            parameters=parameters,
            metrics=metrics,
        )
        file = Path(cfg.work_dir, 'metrics.json')
        described = describe_test(runner, args, metrics) if metrics else None  # what has no labels measures nothing
        with locked(file.with_name(FILE)):
            write_json(file, record)
            if described:
                add_test(described, file)
        if args.out and args.out_item == 'metrics':
            write_json(Path(args.out), metrics)


def write_json(path: Path, content: Any) -> None:
    """Write `content` to `path`, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f'.{path.name}.{os.getpid()}')
    temporary.write_text(json.dumps(content, indent=2, default=float) + '\n', encoding='utf-8')
    os.replace(temporary, path)
