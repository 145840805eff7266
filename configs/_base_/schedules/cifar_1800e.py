# Shake-Shake's schedule: batch 128 (2 GPUs × 64), learning rate 0.2, one cosine over 1800 epochs, step by step.
train_cfg = dict(by_epoch=True, max_epochs=1800, val_interval=1)
val_cfg = dict()
test_cfg = dict()
# Weight decay is on every parameter, those of BatchNorm and the biases included.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.2, momentum=0.9, weight_decay=1e-4, nesterov=True),
)
param_scheduler = dict(type='CosineAnnealingLR', by_epoch=True, T_max=1800, eta_min=0, convert_to_iter_based=True)
# `--auto-scale-lr` scales the learning rate with the images an iteration; 128 is what 0.2 is meant for.
auto_scale_lr = dict(enable=False, base_batch_size=128)
