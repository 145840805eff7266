# SENet-154 on ImageNet, trained and tested at 320: batch 2048, learning rate 1.0, 100 epochs.
#
#   tools/dist_train.sh configs/senet154_320_imagenet.py 8
#   (that on each of 8 machines, with NNODES=8, NODE_RANK=0 … 7 and MASTER_ADDR set; on fewer GPUs add --accumulate)
#
# Expected: about 17 hours on 64 A100 (an estimate).
# Paper:    top-1 / top-5 error 16.88 / 3.58 % (Table 9).
#
# The shorter side of a test image is 352, which the paper gives for its crops of 299 and not for these.
_base_ = './senet154_imagenet.py'
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='senet_mm.RandomResizedCrop', scale=320, backend='pillow'),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='ResizeEdge', scale=352, edge='short', backend='pillow'),
    dict(type='CenterCrop', crop_size=320),
    dict(type='PackInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
