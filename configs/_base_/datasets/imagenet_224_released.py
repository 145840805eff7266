# ImageNet-1k as the authors' released Caffe networks are tested: colours in Caffe's order, means 104, 117 and 123, no
# division; shorter side 256, centre crop 224 (README of github.com/hujie-frank/SENet). For testing only: there is no
# train_dataloader.
_base_ = './imagenet_224.py'

data_preprocessor = dict(mean=[104.0, 117.0, 123.0], std=[1.0, 1.0, 1.0], to_rgb=False)
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='ResizeEdge', scale=256, edge='short', backend='cv2'),  # Caffe's tools resize with OpenCV
    dict(type='CenterCrop', crop_size=224),
    dict(type='PackInputs'),
]
train_dataloader = None
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
val_cfg = dict()
test_cfg = dict()
