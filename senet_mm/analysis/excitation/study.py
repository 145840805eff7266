"""From a config and a checkpoint to recorded gates, figures and tables."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.evaluator import Evaluator
from torch import nn

from senet_mm.analysis.excitation.ablation import Ablation, ablate
from senet_mm.analysis.excitation.blocks import name_blocks
from senet_mm.analysis.excitation.classes import class_names, find_classes, find_labels
from senet_mm.analysis.excitation.measures import closed_channels
from senet_mm.analysis.excitation.report import check_options, report
from senet_mm.analysis.excitation.statistics import BINS, Excitation, Recorder
from senet_mm.data.errors import DataError
from senet_mm.data.presence import require_data
from senet_mm.engine.checkpoint_source import locate
from senet_mm.engine.inference import build_loader, evaluate, load_network, processes
from senet_mm.engine.record import hash_file
from senet_mm.engine.run import load_config

FILE = 'excitation.npz'
ONE_CLASS = 'all images'
DEFAULTS = dict(split='val', bins=BINS, launcher='none')  # not the parser's: what is given with an .npz is refused
RECORDING = ('checkpoint', 'ablate', 'one_class', 'data_root', 'cfg_options', 'trust_checkpoint')  # as these are


def study(args: Namespace) -> None:
    """Record, draw and, with `--ablate`, test without each block, as `tools/analyze_excitation.py` was asked to.

    Raises:
        DataError: Config, checkpoint or data are not there or do not fit, or an option does not fit them.
    """
    if Path(args.config).suffix == '.npz':
        _draw_again(args)
        return
    args = Namespace(**vars(args) | {name: vars(args)[name] or value for name, value in DEFAULTS.items()})
    if not args.checkpoint:
        raise DataError(f'{args.config}: the checkpoint is missing: tools/analyze_excitation.py CONFIG CHECKPOINT')
    out = Path(args.out) if args.out else Path('work_dirs', Path(args.config).stem, 'excitation')
    cfg = load_config(args)
    require_data(cfg, splits=(args.split,))
    checkpoint = dict(checkpoint=args.checkpoint, checkpoint_sha256=hash_file(locate(args.checkpoint)))
    with processes(args.launcher):
        network = load_network(cfg, args.checkpoint, args.trust_checkpoint)
        excitation = record(cfg, network, args, dict(config=args.config, **checkpoint))
        _save(excitation, out)
        if args.ablate:
            excitation = replace(excitation, ablation=asdict(_ablate(cfg, network, excitation, args.split)))
            _save(excitation, out)
        if is_main_process():
            print(report(excitation, args, out), out / FILE, sep='\n')


def _draw_again(args: Namespace) -> None:
    """Draw what was recorded before.

    Raises:
        DataError: An option is given that says how to record, or see `report`.
    """
    given = [name for name in (*DEFAULTS, *RECORDING) if getattr(args, name)]
    if given:
        options = ', '.join(f'--{name.replace("_", "-")}' for name in given).replace('--checkpoint', 'CHECKPOINT')
        raise DataError(
            f'{args.config} was recorded before, and is drawn only: leave out {options}, or give the config to record '
            'anew'
        )
    path = Path(args.config)
    print(report(Excitation.load(path), args, Path(args.out) if args.out else path.parent))


def _save(excitation: Excitation, out: Path) -> None:
    if is_main_process():
        excitation.save(out / FILE)


def record(cfg: Config, network: nn.Module, args: Namespace, source: Mapping[str, Any]) -> Excitation:
    """Run the network over the split; the same in every process.

    Raises:
        DataError: A class or a block to be drawn is not there, or Recorder cannot take the gates.
    """
    loader = build_loader(cfg, args.split, padded=False)
    dataset: Any = loader.dataset
    labels = None if args.one_class else find_labels(dataset)
    names = (ONE_CLASS,) if labels is None else class_names(cfg, dataset, labels)
    numbers = (0,) if labels is None else tuple(labels)
    if labels is None and (args.classes or args.within):
        raise DataError(f'--classes, --within: the images of {args.config} have no class each; all are one class there')
    recorder = Recorder(network, labels, args.bins)
    for option in ('classes', 'within'):  # before it takes long
        find_classes(names, numbers, getattr(args, option) or (), option)
    check_options(args, recorder.blocks)
    channels = sum(block.channels for block in recorder.blocks.values())
    _say(
        f'{len(recorder.blocks)} SE blocks, {channels:,} channels, {len(names):,} classes: '
        f'{recorder.nbytes / 2**20:,.0f} MiB of statistics from {len(dataset):,} images'
    )
    recorder.record(loader)
    recorder.merge_processes()
    return Excitation(names, numbers, recorder.blocks, dict(source, split=args.split, images=len(dataset)))


def _ablate(cfg: Config, network: nn.Module, excitation: Excitation, split: str) -> Ablation:
    if not cfg.get(f'{split}_evaluator'):
        raise DataError(f'--ablate: {cfg.filename} has no {split}_evaluator')
    loader = build_loader(cfg, split, padded=True)
    evaluator = Evaluator(cfg[f'{split}_evaluator'])
    blocks = {name: block for name, (_, block) in name_blocks(network).items() if excitation.blocks[name].count.any()}
    return ablate(blocks, closed_channels(excitation), lambda: evaluate(network, loader, evaluator), _say)


def _say(text: str) -> None:
    if is_main_process():
        print(text, file=sys.stderr)
