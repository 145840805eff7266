# The paper's schedule (Sec. 6.1): batch 1024, learning rate 0.6, ÷10 every 30 epochs, 100 epochs.
train_cfg = dict(by_epoch=True, max_epochs=100, val_interval=1)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.6, momentum=0.9, weight_decay=1e-4))
param_scheduler = dict(type='MultiStepLR', by_epoch=True, milestones=[30, 60, 90], gamma=0.1)
# `--auto-scale-lr` scales the learning rate with the images an iteration; 1024 is what 0.6 is meant for.
auto_scale_lr = dict(enable=False, base_batch_size=1024)
