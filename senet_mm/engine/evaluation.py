"""What `tools/test.py` can add to a test: test-time augmentation, pictures, saved predictions."""

from __future__ import annotations

import copy
from argparse import Namespace
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.runner import Runner

from senet_mm.data.errors import DataError

FLIPS = [dict(type='RandomFlip', prob=1.0), dict(type='RandomFlip', prob=0.0)]


def configure(cfg: Config, args: Namespace) -> None:
    """Change the config of a test run as `--amp`, `--show`, `--show-dir`, `--interval` and `--tta` say."""
    detection = cfg.default_scope == 'mmdet'
    if args.amp:
        cfg.test_cfg.fp16 = True
    if args.show or args.show_dir:
        _draw(cfg, args, detection)
    if args.tta:
        _augment(cfg, detection)


def _draw(cfg: Config, args: Namespace, detection: bool) -> None:
    if 'visualization' not in cfg.default_hooks:
        raise DataError('--show and --show-dir: the config has no default_hooks.visualization')
    hook = cfg.default_hooks.visualization
    hook.update(show=args.show, wait_time=args.wait_time, interval=args.interval)
    # The two toolboxes name the switch and the folder differently.
    hook.update(dict(draw=True, test_out_dir=args.show_dir) if detection else dict(enable=True, out_dir=args.show_dir))


def _augment(cfg: Config, detection: bool) -> None:
    """Average over the image and its mirror image, unless the config has tta_model and tta_pipeline of its own."""
    if 'tta_model' not in cfg:
        cfg.tta_model = _detection_tta_model() if detection else dict(type='AverageClsScoreTTA')
    dataset = cfg.test_dataloader.dataset
    while 'dataset' in dataset:
        dataset = dataset.dataset
    if 'tta_pipeline' not in cfg:
        pipeline = copy.deepcopy(dataset.pipeline)
        pack = pipeline[-1]
        if detection:
            pack['meta_keys'] = (*pack['meta_keys'], 'flip', 'flip_direction')
        pipeline[-1] = dict(type='TestTimeAug', transforms=[FLIPS, [pack]])
        cfg.tta_pipeline = pipeline
    cfg.model = ConfigDict(**cfg.tta_model, module=cfg.model)
    dataset.pipeline = cfg.tta_pipeline


def _detection_tta_model() -> dict[str, Any]:
    return dict(type='DetTTAModel', tta_cfg=dict(nms=dict(type='nms', iou_threshold=0.5), max_per_img=100))


def save_predictions(runner: Runner, path: str) -> None:
    """Have the test run also write its predictions to `path`, a pickle file.

    Raises:
        DataError: The file's name does not end in .pkl or .pickle.
    """
    if not path.endswith(('.pkl', '.pickle')):
        raise DataError(f'--out {path}: predictions go to a .pkl file; for the metrics as JSON add --out-item metrics')
    if runner.cfg.default_scope == 'mmdet':
        from mmdet.evaluation import DumpDetResults as DumpResults
    else:
        from mmengine.evaluator import DumpResults
    runner.test_evaluator.metrics.append(DumpResults(out_file_path=path))
