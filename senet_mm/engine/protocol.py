"""The protocol of a published config, and by what a run deviates from it.

A config's settings are flattened to `{'optim_wrapper.optimizer.lr': 0.6, …}`. Of these a run may change what has no say
in its result: where data is and who reads it, how often something is logged, saved or validated, the seed. Every other
difference from the shipped config of the same stem is a deviation.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from mmengine.config import Config

from senet_mm.data.errors import DataError
from senet_mm.engine.accumulate import accumulate
from senet_mm.engine.crops import make_crops
from senet_mm.engine.harmless import HARMLESS, WITHOUT_PLATEAU
from senet_mm.engine.record import Deviation, hash_content

PACKAGE = Path(__file__).parents[1]
CONFIG_FOLDERS = (PACKAGE.parent / 'configs', PACKAGE / '.mim' / 'configs')  # a checkout's, an installed package's
SHARED = ('default_scope', 'custom_imports', 'model', 'data_preprocessor', 'efficient_conv_bn_eval')
TEST = (*SHARED, 'test_dataloader', 'test_cfg', 'test_evaluator')
VALIDATION = ('val_dataloader', 'val_cfg', 'val_evaluator')
TRAINING = (
    *SHARED,
    *('train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler', 'default_hooks', 'custom_hooks'),
    *('sync_bn', 'load_from'),
)
RECORDED = dict.fromkeys((*TRAINING, *VALIDATION, *TEST, 'auto_scale_lr', 'randomness'))
# Padding to the largest image of a batch reaches a detector's borders.
HARMLESS_IN_CLASSIFIERS = r'(val|test)_dataloader\.batch_size'
HARMLESS_IN_TESTS = re.compile(r'model\.(.*\.)?(init_cfg|pretrained|train_cfg)(\..*)?')
HARMLESS_HOOKS = ('EmptyCacheHook', 'ProfilerHook', 'NPUProfilerHook', 'MemoryProfilerHook', 'CheckInvalidLossHook')
# Images of a GPU from which on BatchNorm's statistics are good enough (Wu and He, Group Normalization, Figure 1).
ENOUGH_FOR_BATCHNORM = 16
HEADER_COMMAND = re.compile(r'^#   (tools/\S+ .*)$', re.MULTILINE)


def flatten(content: Any, prefix: str = '') -> dict[str, Any]:
    """Nested dicts and lists → {dotted key: leaf}; None, an empty list and, at the top, an empty dict are left out."""
    items: Iterable[tuple[Any, Any]]
    if content is None or content in ([], ()) or (content == {} and '.' not in prefix):
        return {}  # test_cfg=dict() says nothing; further down, se=dict() does
    if isinstance(content, Mapping) and content:
        items = content.items()
    elif isinstance(content, list | tuple) and any(isinstance(item, Mapping | list | tuple) for item in content):
        items = enumerate(content)
    else:
        return {prefix: _leaf(content)}
    flat: dict[str, Any] = {}
    for key, value in items:
        flat |= flatten(value, f'{prefix}.{key}' if prefix else str(key))
    return flat


def _leaf(value: Any) -> Any:
    """As JSON gives it back."""
    if isinstance(value, list | tuple):
        return [_leaf(item) for item in value]
    if isinstance(value, Mapping):
        return {}
    if isinstance(value, bool | int | float | str):
        return value
    return getattr(value, '__qualname__', repr(value))


def settings(cfg: Config) -> dict[str, Any]:
    """All settings of a config that the record keeps, flattened; helper variables of the file are no settings."""
    return flatten({name: cfg.get(name) for name in RECORDED})


def training_settings(cfg: Config) -> dict[str, Any]:
    """The settings that have a say in what a training run gives."""
    plateau = any(key.endswith('.monitor') or key == 'monitor' for key in flatten(cfg.get('param_scheduler')))
    content = {name: cfg.get(name) for name in (*TRAINING, *(VALIDATION if plateau else ()))}
    if cfg.get('resume'):
        content['load_from'] = None
    content['custom_hooks'] = [hook for hook in cfg.get('custom_hooks') or [] if _counts(hook)]
    content['optim_wrapper'], amp = _without_amp(cfg.get('optim_wrapper') or {})
    flat = _without(flatten(content), cfg)
    if not plateau:
        flat = {key: value for key, value in flat.items() if not re.fullmatch(WITHOUT_PLATEAU, key)}
    return flat | ({'amp': True} if amp else {})


def test_settings(cfg: Config) -> dict[str, Any]:
    """The settings that have a say in what a test gives; TestTimeAug's wrapper of the model is left out."""
    content = {name: cfg.get(name) for name in TEST}
    if content['model'] and 'module' in content['model']:
        content['model'] = content['model']['module']
    flat = _without(flatten(content), cfg)
    amp = {'amp': True} if flat.pop('test_cfg.fp16', False) else {}
    return {key: value for key, value in flat.items() if not HARMLESS_IN_TESTS.fullmatch(key)} | amp


def _without(flat: dict[str, Any], cfg: Config) -> dict[str, Any]:
    patterns = (HARMLESS, HARMLESS_IN_CLASSIFIERS) if cfg.get('default_scope') == 'mmpretrain' else (HARMLESS,)
    return {key: value for key, value in flat.items() if not any(re.fullmatch(each, key) for each in patterns)}


def _counts(hook: Any) -> bool:
    name = hook.get('type') if isinstance(hook, Mapping) else type(hook).__name__
    return str(_leaf(name)).rpartition('.')[2] not in HARMLESS_HOOKS


def _without_amp(wrapper: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """The optimizer's wrapper without mixed precision and accumulation, and whether there was the former."""
    amp = wrapper.get('type') == 'AmpOptimWrapper'
    skipped = ('accumulative_counts', *(('loss_scale', 'dtype', 'use_fp16') if amp else ()))
    plain = {key: value for key, value in wrapper.items() if key not in skipped}
    return (plain | {'type': 'OptimWrapper'}) if amp else plain, amp


def hash_published(cfg: Config) -> str:
    """What a shipped config comes to, in training and in tests."""
    return hash_content([training_settings(cfg), test_settings(cfg), batch_of(cfg)])


def batch_of(cfg: Config) -> int | None:
    """The images of an update that a recipe is meant for, if it says so."""
    return cfg.get('auto_scale_lr', {}).get('base_batch_size')


def update_of(cfg: Config, processes: int) -> int | None:
    """The images of an update as a run has it, on so many GPUs."""
    each = (cfg.get('train_dataloader') or {}).get('batch_size')
    return each and each * processes * (cfg.get('optim_wrapper') or {}).get('accumulative_counts', 1)


@cache
def published_path(stem: str) -> Path | None:
    """The shipped config of a stem; None if there is none."""
    folder = next((folder for folder in CONFIG_FOLDERS if folder.is_dir()), None)
    found = [path for path in folder.rglob(f'{stem}.py') if '_base_' not in path.parts] if folder else []
    return found[0] if found else None


def training_deviations(cfg: Config, published: Config, processes: int) -> list[Deviation]:
    """By what a training run on so many GPUs differs from the published config of its stem."""
    base = copy.deepcopy(published)
    batch, recipe = update_of(cfg, processes), batch_of(published)
    if (cfg.get('optim_wrapper') or {}).get('accumulative_counts', 1) > 1 and batch == recipe:
        base.train_dataloader.batch_size = cfg.train_dataloader.batch_size
        accumulate(base, processes)  # multiplies what counts iterations
    found = differences(training_settings(cfg), training_settings(base))
    if recipe and batch != recipe:
        found.append(Deviation('batch', batch, recipe))
    each, meant = cfg.train_dataloader.batch_size, published.train_dataloader.batch_size
    if published.get('default_scope') == 'mmpretrain' and each < min(meant, ENOUGH_FOR_BATCHNORM):
        found.append(Deviation('train_dataloader.batch_size', each, meant))
    scaling = cfg.get('auto_scale_lr') or {}
    if scaling.get('enable') and batch and scaling.get('base_batch_size') != batch:
        found.append(Deviation('auto_scale_lr', batch / scaling['base_batch_size'], 1))
    return found


def test_deviations(cfg: Config, published: Config, crops: str | None, tta: bool) -> list[Deviation]:
    """By what a test differs from the published config of its stem.

    Args:
        cfg: As the test ran it.
        published: The config of its stem.
        crops: Of `--crops`; no deviation, since the number then belongs to that protocol.
        tta: Whether predictions were averaged over the image and its mirror image.
    """
    base = copy.deepcopy(published)
    if crops:
        dataset = base.test_dataloader.dataset
        dataset.pipeline = make_crops(crops, dataset.pipeline, cfg.get('crop_scales')).pipeline
    found = differences(test_settings(cfg), test_settings(base))
    if tta:  # it also changes the pipeline
        return [Deviation('tta', True, False), *(item for item in found if '.pipeline.' not in item.key)]
    return found


def differences(ours: Mapping[str, Any], published: Mapping[str, Any]) -> list[Deviation]:
    """What differs between two flattened settings, by key."""
    keys = sorted(ours.keys() | published.keys())
    return [Deviation(key, ours.get(key), published.get(key)) for key in keys if ours.get(key) != published.get(key)]


def crops_of(cfg: Config, published: Config) -> str | None:
    """The protocol of `--crops`; None where it is what the published config does anyway."""
    crops = cfg.get('crops')
    if not crops:
        return None
    pipeline = published.test_dataloader.dataset.pipeline
    same = flatten(make_crops(crops, pipeline, cfg.get('crop_scales')).pipeline) == flatten(pipeline)
    return None if same else crops


def pin(folder: Path) -> dict[str, dict[str, Any]]:
    """What results/ must know of every config in `folder` without reading it: path, hash, batch, GPUs and commands.

    Raises:
        DataError: There is no config, or two have the same stem.
    """
    paths = sorted(path for path in folder.rglob('*.py') if not {'_base_', 'demo'} & set(path.parts))
    if not paths:
        raise DataError(f'there is no config in {folder.resolve()}')
    pinned = {}
    for path in paths:
        if path.stem in pinned:
            raise DataError(f'{path} has the stem of another config; results are kept by stem')
        cfg = Config.fromfile(path)
        header = path.read_text(encoding='utf-8').split('_base_')[0]
        batch, each = batch_of(cfg), (cfg.get('train_dataloader') or {}).get('batch_size')
        pinned[path.stem] = dict(
            path=f'configs/{path.relative_to(folder).as_posix()}',
            hash=hash_published(cfg),
            batch=batch,
            gpus=batch // each if batch and each else None,
            commands=HEADER_COMMAND.findall(header),
        )
    return pinned
