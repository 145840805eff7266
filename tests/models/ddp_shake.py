"""Run by torchrun: the gradients of a Shake-Shake network, averaged over processes that share a seed."""

import sys

import torch
from mmengine.model import MMDistributedDataParallel

from senet_mm.models import SEShakeResNet


def network():
    """A small SE-Shake-Shake network and a batch of four."""
    torch.manual_seed(0)
    return SEShakeResNet(14, 4, with_cp=True).train(), torch.randn(4, 3, 16, 16)


def loss(model, images):
    """The mean square of the last map, with coefficients drawn from a seed."""
    torch.manual_seed(1)
    return model(images)[-1].square().mean()


def main(out):
    torch.distributed.init_process_group('gloo')
    backbone, images = network()
    rank = torch.distributed.get_rank()
    model = MMDistributedDataParallel(backbone, broadcast_buffers=False)
    loss(model, images[2 * rank : 2 * rank + 2]).backward()
    if rank == 0:
        torch.save({name: parameter.grad for name, parameter in backbone.named_parameters()}, out)
    torch.distributed.destroy_process_group()


if __name__ == '__main__':
    main(sys.argv[1])
