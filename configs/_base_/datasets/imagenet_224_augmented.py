# ImageNet-1k as the authors trained what they released: rotation by −10° to 10° and pixel jitter of −20 to 20 beside
# the crops and the mirror image of imagenet_224.py (README of github.com/hujie-frank/SENet), mini-batches in which the
# classes are balanced (the paper's first version), 8 GPUs × 32 images.
_base_ = './imagenet_224.py'

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='senet_mm.RandomResizedCrop', scale=224, backend='pillow'),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    # An angle from 0 to 10 with either sign; outside the image is the mean colour, blue first, as images are here.
    dict(
        type='Rotate',
        magnitude_level=10,
        magnitude_range=(0, 10),
        magnitude_std='inf',
        random_negative_prob=0.5,
        prob=1.0,
        pad_val=(104, 116, 124),
        interpolation='bilinear',
    ),
    dict(type='senet_mm.PixelJitter', amount=20),
    dict(type='PackInputs'),
]
train_dataloader = dict(
    batch_size=32,
    batch_sampler=dict(type='senet_mm.ClassBalancedBatchSampler'),
    dataset=dict(pipeline=train_pipeline),
)
