# wide-residual-networks' schedule: batch 128, learning rate 0.1, ×0.2 from epochs 60, 120 and 160 (counted from 1), 200
# epochs.
train_cfg = dict(by_epoch=True, max_epochs=200, val_interval=1)
val_cfg = dict()
test_cfg = dict()
# Weight decay is on every parameter, those of BatchNorm and the biases included.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=True),
)
param_scheduler = dict(type='MultiStepLR', by_epoch=True, milestones=[59, 119, 159], gamma=0.2)
# `--auto-scale-lr` scales the learning rate with the images an iteration; 128 is what 0.1 is meant for.
auto_scale_lr = dict(enable=False, base_batch_size=128)
