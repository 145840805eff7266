"""Run by torchrun: the gradients of a classifier on this process's half of a batch, averaged over the processes."""

import sys

import torch
from mmengine.model import MMDistributedDataParallel


def classifier():
    """An SE-ResNet-18 classifier with BatchNorm in evaluation mode, and a batch of four."""
    from mmpretrain.registry import MODELS

    torch.manual_seed(0)
    model = MODELS.build(
        dict(
            type='mmpretrain.ImageClassifier',
            backbone=dict(type='senet_mm.SEResNet', depth=18, norm_eval=True),
            neck=dict(type='mmpretrain.GlobalAveragePooling'),
            head=dict(type='mmpretrain.LinearClsHead', num_classes=10, in_channels=512),
        )
    )
    return model.train(), torch.randn(4, 3, 64, 64), torch.tensor([1, 3, 5, 7])


def loss(model, images, labels):
    """The training loss of `images` (N,3,H,W) with `labels` (N,)."""
    from mmpretrain.structures import DataSample

    samples = [DataSample().set_gt_label(int(label)) for label in labels]
    return model(images, samples, mode='loss')['loss']


def main(out):
    torch.distributed.init_process_group('gloo')
    model, images, labels = classifier()
    rank = torch.distributed.get_rank()
    wrapped = MMDistributedDataParallel(model, broadcast_buffers=False)
    half = slice(2 * rank, 2 * rank + 2)
    loss(wrapped, images[half], labels[half]).backward()
    if rank == 0:
        torch.save({name: parameter.grad for name, parameter in model.named_parameters()}, out)
    torch.distributed.destroy_process_group()


if __name__ == '__main__':
    main(sys.argv[1])
