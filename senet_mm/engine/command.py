"""What the commands in `tools/` have in common. Imports nothing heavy: `--help` answers at once."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from senet_mm.data.errors import DataError


class ConfigOptions(argparse.Action):
    """`--cfg-options KEY=VALUE …`, read by mmengine's DictAction, which is imported only when the option is used."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Parse the KEY=VALUE pairs into a dict on `namespace`."""
        from mmengine.config import DictAction

        wrong = [value for value in values or () if not value.partition('=')[0] or '=' not in value]
        if wrong:
            parser.error(f'{option_string} {wrong[0]}: give KEY=VALUE, as in {option_string} model.backbone.se.ratio=8')
        DictAction(self.option_strings, self.dest)(parser, namespace, values, option_string)


def add_config_arguments(parser: argparse.ArgumentParser, several_data_roots: bool = False) -> None:
    """CONFIG, --data-root and --cfg-options.

    Args:
        parser: gets them.
        several_data_roots: --data-root takes any number of places, as `data_roots`, which the command sees to itself.
    """
    parser.add_argument('config', help='config file, e.g. configs/faster_rcnn_se_r50_2x_coco.py')
    where = 'where the data is: a folder, or a .zip, .tar or .lmdb of it; where the config says if not given'
    if several_data_roots:
        parser.add_argument('--data-root', dest='data_roots', nargs='+', default=[], metavar='PLACE', help=where)
    else:
        parser.add_argument('--data-root', metavar='PLACE', help=where)
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=ConfigOptions,
        metavar='KEY=VALUE',
        help='change settings of the config, e.g. model.backbone.se.ratio=8; lists as key="[a,b]", no spaces',
    )


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """What training and testing both take."""
    add_config_arguments(parser)
    parser.add_argument('--work-dir', help='where logs and checkpoints go; work_dirs/<config stem> if not given')
    parser.add_argument('--amp', action='store_true', help='automatic mixed precision (needs a GPU)')
    add_trust_argument(parser)
    parser.add_argument('--no-pin-memory', action='store_true', help='do not pin the data loaders’ memory')
    parser.add_argument(
        '--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none', help='who started the processes'
    )
    # torch.distributed.launch passes one or the other; torchrun sets LOCAL_RANK.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)


def add_trust_argument(parser: argparse.ArgumentParser) -> None:
    """--trust-checkpoint."""
    parser.add_argument(
        '--trust-checkpoint',
        action='store_true',
        help='read checkpoints that hold more than weights, which may execute anything: only for files of your own',
    )


def run_command(parser: argparse.ArgumentParser, job: Callable[[argparse.Namespace], None]) -> None:
    """Parse the command line and do the job; a mistake of the user's ends in one message and exit status 1."""
    args = parser.parse_args()
    if 'local_rank' in args:
        os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    if not getattr(args, 'trust_checkpoint', False):  # torch then reads weights only, whoever calls it
        os.environ['TORCH_FORCE_WEIGHTS_ONLY_LOAD'] = '1'
        os.environ.pop('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', None)
    try:
        job(args)
    except DataError as error:
        sys.exit(str(error) if os.environ.get('RANK', '0') == '0' else 1)
