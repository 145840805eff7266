# CIFAR-100. Only the statistics and the data set differ from cifar10.py.
_base_ = './cifar10.py'
data_help = 'tools/prepare_data.py cifar100'

data_preprocessor = dict(num_classes=100)
normalize = dict(type='Normalize', mean=[129.3, 124.1, 112.4], std=[68.2, 65.4, 70.4], to_rgb=False)
train_pipeline = [_base_.train_pipeline[0], normalize, *_base_.train_pipeline[2:]]
test_pipeline = [normalize, *_base_.test_pipeline[1:]]
dataset = dict(type='senet_mm.CIFAR100', data_root='data/cifar100')
train_dataloader = dict(dataset=dict(**dataset, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(**dataset, pipeline=test_pipeline))
test_dataloader = val_dataloader
