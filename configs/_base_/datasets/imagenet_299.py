# ImageNet-1k for Inception-ResNet-v2: random resized crop 299; shorter side 352, centre crop 299. Only the sizes differ
# from imagenet_224.py.
_base_ = './imagenet_224.py'

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='senet_mm.RandomResizedCrop', scale=299, backend='pillow'),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='ResizeEdge', scale=352, edge='short', backend='pillow'),
    dict(type='CenterCrop', crop_size=299),
    dict(type='PackInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
