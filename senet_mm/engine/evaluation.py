"""What `tools/test.py` can add to a test: crops, test-time augmentation, pictures, saved predictions."""

from __future__ import annotations

import copy
from argparse import Namespace
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.evaluator import BaseMetric
from mmengine.runner import Runner

from senet_mm.data.errors import DataError
from senet_mm.engine.crops import FLIPS, make_crops
from senet_mm.engine.dump_predictions import DumpDetections, DumpPredictions
from senet_mm.engine.outputs import NO_WINDOW, has_display, require_folder

PICKLES, ARRAYS, RESULTS = ('.pkl', '.pickle'), '.npz', '.json'
# The toolboxes' hooks that draw → ours, by which --interval and --show-dir mean the same in both.
PICTURES = {
    'DetVisualizationHook': 'senet_mm.DetectionPictures',
    'VisualizationHook': 'senet_mm.ClassificationPictures',
}


def configure(cfg: Config, args: Namespace) -> None:
    """Change the config of a test run as the options of `tools/test.py` say.

    Raises:
        DataError: An option does not fit the config, or another option.
    """
    detection = cfg.default_scope == 'mmdet'
    if args.amp:
        cfg.test_cfg.fp16 = True
    if args.show or args.show_dir:
        _draw(cfg, args, detection)
    if args.crops:
        _crop(cfg, args, detection)
    if args.tta:
        _augment(cfg, detection)
    if not detection:
        _do_without_labels(cfg, args)
        if (args.show or args.show_dir) and 'module' in cfg.model:
            raise DataError('--show and --show-dir draw one crop of an image: leave out --tta and --crops')
    if args.out:
        _require_file(args)


def _require_file(args: Namespace) -> None:
    """See that --out can be written before the test, not when it is over."""
    if args.out_item == 'metrics' and not args.out.endswith(RESULTS):
        raise DataError(f'--out {args.out}: metrics go to a {RESULTS} file')
    if Path(args.out).is_dir():
        raise DataError(f'--out {args.out} is a folder; name a file')
    require_folder(f'--out {args.out}', Path(args.out).parent)


def _draw(cfg: Config, args: Namespace, detection: bool) -> None:
    if 'visualization' not in cfg.default_hooks:
        raise DataError('--show and --show-dir: the config has no default_hooks.visualization')
    if args.interval < 1:
        raise DataError(f'--interval {args.interval}: give 1 or more')
    if args.show and not has_display():
        raise DataError(f'--show: {NO_WINDOW}; --show-dir FOLDER saves the pictures')
    hook = cfg.default_hooks.visualization
    hook.type = PICTURES.get(str(hook.type).rpartition('.')[2], hook.type)
    hook.update(show=args.show, wait_time=args.wait_time, interval=args.interval)
    # The two toolboxes name the switch and the folder differently.
    hook.update(dict(draw=True, test_out_dir=args.show_dir) if detection else dict(enable=True, out_dir=args.show_dir))


def _test_dataset(cfg: Config) -> ConfigDict:
    dataset = cfg.test_dataloader.dataset
    while 'dataset' in dataset:
        dataset = dataset.dataset
    return dataset


def _crop(cfg: Config, args: Namespace, detection: bool) -> None:
    """Test on the crops of a protocol; where they are many, with as many fewer images a batch."""
    if detection:
        raise DataError('--crops is for classifiers; a detector sees whole images')
    dataset = _test_dataset(cfg)
    crops = make_crops(args.crops, dataset.pipeline, cfg.get('crop_scales'))
    if crops.count > 1:
        if args.tta:
            raise DataError(f'--crops {args.crops} has the mirror images already: leave out --tta')
        cfg.test_dataloader.batch_size = max(1, cfg.test_dataloader.batch_size // crops.count)
        cfg.model = ConfigDict(type='senet_mm.CropAverage', module=cfg.model)
    dataset.pipeline = crops.pipeline
    cfg.crops = args.crops


def _augment(cfg: Config, detection: bool) -> None:
    """Average over the image and its mirror image, unless the config has tta_model and tta_pipeline of its own."""
    if 'tta_model' not in cfg:
        cfg.tta_model = _detection_tta_model() if detection else dict(type='senet_mm.CropAverage')
    dataset = _test_dataset(cfg)
    if 'tta_pipeline' not in cfg:
        pipeline = copy.deepcopy(dataset.pipeline)
        pack = pipeline[-1]
        if detection:
            pack['meta_keys'] = (*pack['meta_keys'], 'flip', 'flip_direction')
        pipeline[-1] = dict(type='TestTimeAug', transforms=[copy.deepcopy(FLIPS), [pack]])
        cfg.tta_pipeline = pipeline
    cfg.model = ConfigDict(**cfg.tta_model, module=cfg.model)
    dataset.pipeline = cfg.tta_pipeline


def _detection_tta_model() -> dict[str, Any]:
    return dict(type='DetTTAModel', tta_cfg=dict(nms=dict(type='nms', iou_threshold=0.5), max_per_img=100))


def _do_without_labels(cfg: Config, args: Namespace) -> None:
    """ImageNet's test set has no labels: nothing can be measured on it, only predicted."""
    dataset = _test_dataset(cfg)
    unlabelled = dataset.get('split') == 'test' and str(dataset.get('type')).endswith('ImageNet')
    if unlabelled or dataset.get('with_label') is False:
        if not args.out or args.out_item != 'pred':
            raise DataError('The test set has no labels: give --out scores.npz, which tools/test_ensemble.py reads')
        cfg.test_evaluator = []


def save_predictions(runner: Runner, path: str) -> None:
    """Have the test run also write its predictions to `path`.

    A classifier's go to an .npz file, which tools/test_ensemble.py reads, a detector's to a .json file, as COCO has
    them; neither can hold anything but numbers and text. Either kind also goes to OpenMMLab's pickle files.

    Raises:
        DataError: The file's name has another ending, or the data set has no COCO categories.
    """
    detection = runner.cfg.default_scope == 'mmdet'
    if path.endswith(PICKLES):
        metric = _pickled(path, detection)
    elif path.endswith(RESULTS) and detection:
        categories = getattr(runner.test_loop.dataloader.dataset, 'cat_ids', None)
        if not categories:
            raise DataError(f'--out {path}: the test set has no COCO categories; give a .pkl file')
        metric = DumpDetections(path, categories)
    elif path.endswith(ARRAYS) and not detection:
        cfg = runner.cfg
        metric = DumpPredictions(
            path, dict(config=cfg.filename, checkpoint=cfg.get('load_from'), crops=cfg.get('crops'))
        )
    else:
        kinds = f'{RESULTS if detection else ARRAYS} or .pkl'
        raise DataError(
            f'--out {path}: predictions go to a {kinds} file; for the metrics as JSON add --out-item metrics'
        )
    runner.test_evaluator.metrics.append(metric)


def _pickled(path: str, detection: bool) -> BaseMetric:
    if detection:
        from mmdet.evaluation import DumpDetResults as DumpResults
    else:
        from mmengine.evaluator import DumpResults
    return DumpResults(out_file_path=path)
