# CIFAR-100 with Cutout: one square of 8 pixels. Only that differs from cifar100.py.
_base_ = './cifar100.py'

train_pipeline = [*_base_.train_pipeline[:-1], dict(type='senet_mm.Cutout', size=8), _base_.train_pipeline[-1]]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
