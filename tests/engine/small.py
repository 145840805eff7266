"""A network and a data set of a few numbers, trained by mmengine's Runner; run by torchrun, on several processes."""

import sys
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn

from senet_mm.engine.accumulate import accumulate

IMAGES, CLASSES = 32, 5


class Small(BaseModel):
    """(N,3,6,6) → convolution, normalisation, ReLU, convolution, pooling, FC → cross entropy; float64."""

    def __init__(self, norm='GN', hidden=8):
        super().__init__()
        torch.manual_seed(7)
        normalisation = nn.GroupNorm(2, hidden) if norm == 'GN' else nn.BatchNorm2d(hidden)
        layers = [nn.Conv2d(3, hidden, 3), normalisation, nn.ReLU(), nn.Conv2d(hidden, CLASSES, 3)]
        self.layers = nn.Sequential(*layers).double()

    def forward(self, inputs, labels, mode='tensor'):
        scores = self.layers(inputs).mean((2, 3))
        if mode == 'loss':
            return dict(loss=nn.functional.cross_entropy(scores, labels))
        return scores


class Data(torch.utils.data.Dataset):
    """Noise and labels, the same in every process."""

    def __init__(self, size=IMAGES):
        generator = torch.Generator().manual_seed(3)
        self.inputs = torch.randn(size, 3, 6, 6, generator=generator, dtype=torch.float64)
        self.labels = torch.randint(CLASSES, (size,), generator=generator)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return dict(inputs=self.inputs[index], labels=self.labels[index])


def settings(work_dir, batch_size, epochs=3, base_batch_size=16, **changes):
    """The config of a run; the learning rate falls after the first epoch."""
    return Config(
        {
            **dict(
                work_dir=str(work_dir),
                train_cfg=dict(by_epoch=True, max_epochs=epochs),
                train_dataloader=dict(
                    batch_size=batch_size,
                    num_workers=0,
                    sampler=dict(type='DefaultSampler', shuffle=False),
                    collate_fn=dict(type='default_collate'),
                ),
                optim_wrapper=dict(
                    type='OptimWrapper', optimizer=dict(type='SGD', lr=0.5, momentum=0.9, weight_decay=0.01)
                ),
                param_scheduler=[dict(type='MultiStepLR', by_epoch=True, milestones=[1], gamma=0.1)],
                auto_scale_lr=dict(enable=False, base_batch_size=base_batch_size),
                default_hooks=dict(logger=None, timer=None),
                log_level='ERROR',
            ),
            **changes,
        }
    )


def train(model, cfg, data=None, hooks=()):
    """Train as `cfg` says, and return the runner."""
    names = ('work_dir', 'train_cfg', 'optim_wrapper', 'param_scheduler', 'auto_scale_lr', 'default_hooks', 'log_level')
    options = {
        name: cfg[name]
        for name in (*names, 'custom_hooks', 'resume', 'load_from', 'launcher', 'env_cfg')
        if name in cfg
    }
    loader = dict(cfg.train_dataloader, dataset=data or Data())
    name = f'{Path(cfg.work_dir).name}_{id(cfg)}'
    runner = Runner(model=model, train_dataloader=loader, cfg=cfg, experiment_name=name, **options)
    for hook in hooks:
        runner.register_hook(hook)
    runner.train()
    return runner


def main(out, norm, epochs, *hooks):
    """Two processes × 4 images × 2 iterations: an update is as large as that of one process with 16 images."""
    torch.distributed.init_process_group('gloo')
    cfg = settings(
        Path(out).parent,
        4,
        int(epochs),
        custom_hooks=[dict(type=hook, last_epochs=1) for hook in hooks],
        launcher='pytorch',
        env_cfg=dict(dist_cfg=dict(backend='gloo')),
        model_wrapper_cfg=dict(type='MMDistributedDataParallel', device_ids=None, broadcast_buffers=False),
    )
    accumulate(cfg, torch.distributed.get_world_size())
    runner = train(Small(norm), cfg)
    if torch.distributed.get_rank() == 0:
        torch.save(runner.model.module.state_dict(), out)
    torch.distributed.destroy_process_group()


if __name__ == '__main__':
    main(*sys.argv[1:])
