# Detectron's 2x schedule: 180,000 iterations of 8 GPUs × 2 images, learning rate 0.02, ÷10 at 120,000 and 160,000.
train_cfg = dict(type='IterBasedTrainLoop', max_iters=180000, val_interval=20000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
# Biases learn twice as fast and do not decay (Detectron's modeling/optimizer.py).
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.02, momentum=0.9, weight_decay=1e-4),
    paramwise_cfg=dict(bias_lr_mult=2.0, bias_decay_mult=0.0),
)
param_scheduler = [
    # From a third to the whole in 500 iterations; `end` is the one after.
    dict(type='LinearLR', start_factor=1 / 3, by_epoch=False, begin=0, end=501),
    dict(type='MultiStepLR', by_epoch=False, begin=0, end=180000, milestones=[120000, 160000], gamma=0.1),
]
# `--auto-scale-lr` scales the learning rate with the images an iteration; 16 is what 0.02 is meant for.
auto_scale_lr = dict(enable=False, base_batch_size=16)
