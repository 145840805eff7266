# ResNet-50 on the demo's digits in ImageNet's layout: the weights that the demo's detectors start from.
#
#   tools/prepare_data.py demo && tools/train.py configs/demo/resnet50_demo.py
#
# Expected: two minutes on two CPU cores.
# Only data, image size and schedule differ from ../resnet50_imagenet.py.
_base_ = '../resnet50_imagenet.py'
data_help = 'tools/prepare_data.py demo'

# Ten classes; branches start at zero, since five epochs are few for fifty layers.
model = dict(backbone=dict(zero_init_residual=True), head=dict(num_classes=10, topk=(1,)))
data_preprocessor = dict(num_classes=10)

train_pipeline = [
    dict(type='LoadImageFromFile'),
    # A digit must stay whole, and is another one in the mirror: gentle crops, no flip.
    dict(type='senet_mm.RandomResizedCrop', scale=48, crop_ratio_range=(0.7, 1.0), backend='pillow'),
    dict(type='PackInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(48, 48), backend='pillow'),
    dict(type='PackInputs'),
]
dataset = dict(data_root='data/demo/imagenet')
train_dataloader = dict(batch_size=25, num_workers=1, dataset=dict(**dataset, pipeline=train_pipeline))
val_dataloader = dict(batch_size=25, num_workers=1, dataset=dict(**dataset, pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = [dict(type='Accuracy', topk=(1,))]
test_evaluator = val_evaluator

train_cfg = dict(max_epochs=5, val_interval=1)
optim_wrapper = dict(optimizer=dict(_delete_=True, type='AdamW', lr=1e-3, weight_decay=0.05, fused=True))
param_scheduler = dict(_delete_=True, type='OneCycleLR', eta_max=1e-3, total_steps=300, by_epoch=False)
default_hooks = dict(logger=dict(interval=10), checkpoint=dict(interval=5))
randomness = dict(seed=0)
