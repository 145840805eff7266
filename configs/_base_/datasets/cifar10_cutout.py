# CIFAR-10 with Cutout: one square of 16 pixels. Only that differs from cifar10.py.
_base_ = './cifar10.py'

train_pipeline = [*_base_.train_pipeline[:-1], dict(type='senet_mm.Cutout', size=16), _base_.train_pipeline[-1]]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
