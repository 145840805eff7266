# ResNet-20 on the demo's digits in CIFAR-10's layout.
#
#   tools/prepare_data.py demo && tools/train.py configs/demo/resnet20_demo.py
#
# Expected: one minute on two CPU cores.
# Only data and schedule differ from ../resnet20_cifar10.py.
_base_ = '../resnet20_cifar10.py'
data_help = 'tools/prepare_data.py demo'

# A digit is another one in the mirror, and fills its picture: no flip, and crops that shift it less.
train_pipeline = [
    _base_.normalize,
    dict(type='RandomCrop', crop_size=32, padding=2),
    dict(type='PackInputs'),
]
dataset = dict(data_root='data/demo/cifar10')
train_dataloader = dict(batch_size=32, dataset=dict(**dataset, pipeline=train_pipeline))
val_dataloader = dict(batch_size=360, dataset=dataset)
test_dataloader = val_dataloader

train_cfg = dict(max_epochs=12, val_interval=1)
param_scheduler = [dict(type='OneCycleLR', eta_max=0.1, total_steps=12 * 45, by_epoch=False)]
default_hooks = dict(logger=dict(interval=15), checkpoint=dict(interval=12))
randomness = dict(seed=0)
