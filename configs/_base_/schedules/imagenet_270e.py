# The ablations' schedule with fixed steps (Sec. 6, footnote): learning rate 0.1, ÷10 at 125, 200 and 250 of 270 epochs.
# ResNet-50 reaches 23.21 / 6.53 % with it, SE-ResNet-50 22.20 / 6.00 %.
#
# The paper gives no batch for it; 0.1 is for 256 images, 8 GPUs × 32: set train_dataloader = dict(batch_size=32).
train_cfg = dict(by_epoch=True, max_epochs=270, val_interval=1)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=1e-4))
param_scheduler = dict(type='MultiStepLR', by_epoch=True, milestones=[125, 200, 250], gamma=0.1)
# `--auto-scale-lr` scales the learning rate with the images an iteration; 256 is what 0.1 is meant for.
auto_scale_lr = dict(enable=False, base_batch_size=256)
