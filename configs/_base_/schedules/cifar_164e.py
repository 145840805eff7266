# fb.resnet.torch's schedule: batch 128, learning rate 0.1, ÷10 from epochs 81 and 122 (counted from 1), 164 epochs.
train_cfg = dict(by_epoch=True, max_epochs=164, val_interval=1)
val_cfg = dict()
test_cfg = dict()
# Weight decay is on every parameter, those of BatchNorm and the biases included.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=1e-4, nesterov=True),
)
param_scheduler = [
    # The first 400 iterations at a tenth (Identity Mappings, arXiv 1603.05027, Appendix).
    dict(type='ConstantLR', factor=0.1, by_epoch=False, begin=0, end=401),
    dict(type='MultiStepLR', by_epoch=True, milestones=[80, 121], gamma=0.1),
]
# `--auto-scale-lr` scales the learning rate with the images an iteration; 128 is what 0.1 is meant for.
auto_scale_lr = dict(enable=False, base_batch_size=128)
