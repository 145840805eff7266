# ImageNet-1k as ConvNeXt trains on it: RandAugment, random erasing, bicubic scaling. Only the pipelines differ from
# imagenet_224.py. Source: ConvNeXt's main.py and, for what its flags mean, timm; the values are mmpretrain's.
_base_ = './imagenet_224.py'

bgr_mean, bgr_std = [103.53, 116.28, 123.675], [57.375, 57.12, 58.395]  # images are BGR until they are normalised

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='senet_mm.RandomResizedCrop', scale=224, backend='pillow', interpolation='bicubic'),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(
        type='RandAugment',
        policies='timm_increasing',
        num_policies=2,
        total_level=10,
        magnitude_level=9,
        magnitude_std=0.5,
        hparams=dict(pad_val=[104, 116, 124], interpolation='bicubic'),
    ),
    dict(
        type='RandomErasing',
        erase_prob=0.25,
        mode='rand',
        min_area_ratio=0.02,
        max_area_ratio=1 / 3,
        fill_color=bgr_mean,
        fill_std=bgr_std,
    ),
    dict(type='PackInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='ResizeEdge', scale=256, edge='short', backend='pillow', interpolation='bicubic'),
    dict(type='CenterCrop', crop_size=224),
    dict(type='PackInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
