# Detectron's 2x schedule: 180,000 iterations of 8 GPUs × 2 images, learning rate 0.02, ÷10 at 120,000 and 160,000.
train_cfg = dict(type='IterBasedTrainLoop', max_iters=180000, val_interval=20000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.02, momentum=0.9, weight_decay=1e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=1 / 3, by_epoch=False, begin=0, end=500),
    dict(type='MultiStepLR', by_epoch=False, begin=0, end=180000, milestones=[120000, 160000], gamma=0.1),
]
# `--auto-scale-lr` scales the learning rate with the images an iteration; 16 is what 0.02 is meant for.
auto_scale_lr = dict(enable=False, base_batch_size=16)
