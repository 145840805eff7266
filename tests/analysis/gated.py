"""A small network with SE blocks, batches for it, and its gates taken in another way than the recorder takes them."""

import numpy as np
import torch
from mmengine.model import BaseModel
from mmengine.structures import BaseDataElement
from torch import nn

from senet_mm.layers import SEBlock

CLASSES = 4


class Gated(BaseModel):
    """(N,3,H,W) → 1×1 convolution, SE → 1×1 convolution, SE → pooling, FC: scores (N,CLASSES); float64."""

    def __init__(self, channels=(6, 8), seed=3, **se):
        super().__init__()
        torch.manual_seed(seed)
        self.first, self.first_se = nn.Conv2d(3, channels[0], 1), SEBlock(channels[0], ratio=2, **se)
        self.second, self.second_se = nn.Conv2d(channels[0], channels[1], 1), SEBlock(channels[1], ratio=2, **se)
        self.fc = nn.Linear(channels[1], CLASSES)
        for block in (self.first_se, self.second_se):
            nn.init.normal_(block.fc2.weight, std=3)
        self.double().eval()

    def forward(self, inputs, data_samples=None, mode='tensor'):
        x = inputs.double() / (32 if inputs.dtype == torch.uint8 else 1)
        x = self.second_se(self.second(self.first_se(self.first(x))))
        scores = self.fc(x.mean((2, 3)))
        if mode == 'tensor':
            return scores
        for sample, row in zip(data_samples, scores, strict=True):
            sample.pred_score = row
        return data_samples


def batches(images, labels, size):
    """What a loader delivers, `size` images at a time."""
    for start in range(0, len(images), size):
        samples = []
        for label in labels[start : start + size]:
            samples.append(BaseDataElement())
            samples[-1].gt_label = torch.tensor([int(label)])
        yield dict(inputs=images[start : start + size], data_samples=samples)


def noise(count=50, seed=1):
    """Images (N,3,5,7) float64, and labels (N,), each class there."""
    generator = torch.Generator().manual_seed(seed)
    images = 2 * torch.randn(count, 3, 5, 7, generator=generator, dtype=torch.float64)
    return images, np.arange(count) * 7 % CLASSES


def stored_gates(network, images):
    """Name of a block → gates (N,C), taken behind the activation that ends the excitation."""
    found = {}
    hooks = [
        block.gate.register_forward_hook(
            lambda _, __, s, name=name: found.setdefault(name, []).append(s.detach().mean((2, 3)).numpy())
        )
        for name, block in network.named_modules()
        if isinstance(block, SEBlock)
    ]
    with torch.no_grad():
        network(images)
    for hook in hooks:
        hook.remove()
    return {name: np.concatenate(gates) for name, gates in found.items()}
