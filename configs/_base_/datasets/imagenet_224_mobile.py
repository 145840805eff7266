# ImageNet-1k for the mobile networks of Table 3: milder augmentation, 8 GPUs × 32 images.
_base_ = './imagenet_224.py'

train_pipeline = [
    dict(type='LoadImageFromFile'),
    # 8% of the area is the usual lower bound; the paper gives no number, 25% is a choice of this project.
    dict(type='senet_mm.RandomResizedCrop', scale=224, crop_ratio_range=(0.25, 1.0), backend='pillow'),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs'),
]
train_dataloader = dict(batch_size=32, dataset=dict(pipeline=train_pipeline))
