"""Gates of a small network over the demo's validation images; run by torchrun, on several processes."""

import sys
from pathlib import Path

from mmengine.config import Config
from mmengine.registry import init_default_scope

from senet_mm.analysis.excitation.statistics import Excitation, Recorder
from senet_mm.engine.inference import build_loader, processes
from tests.analysis.gated import Gated

IMAGES = 19  # of two processes one has 10, and the other repeats none


def config(demo, batch_size=4, workers=0):
    dataset = dict(
        type='ImageNet',
        data_root=str(Path(demo, 'imagenet')),
        split='val',
        indices=IMAGES,
        pipeline=[dict(type='LoadImageFromFile'), dict(type='Resize', scale=(24, 24)), dict(type='PackInputs')],
    )
    loader = dict(
        batch_size=batch_size,
        num_workers=workers,
        persistent_workers=workers > 0,
        sampler=dict(type='DefaultSampler', shuffle=True),
        collate_fn=dict(type='default_collate'),
        dataset=dataset,
    )
    return Config(dict(val_dataloader=loader))


def record(demo, **options):
    init_default_scope('mmpretrain')
    recorder = Recorder(Gated(), range(10))
    recorder.record(build_loader(config(demo, **options), 'val', padded=False))
    recorder.merge_processes()
    return Excitation(tuple('0123456789'), tuple(range(10)), recorder.blocks)


def main(demo, out):
    with processes('pytorch'):
        import torch

        record(demo).save(Path(out, f'{torch.distributed.get_rank()}.npz'))


if __name__ == '__main__':
    main(*sys.argv[1:])
