# The schedule of the ablations (Tables 10–16): learning rate 0.1, ÷10 whenever the validation loss stops falling, three
# times; training ends when it stops falling once more, which the paper puts at about 300 epochs.
#
# The paper gives no batch for it; 0.1 is for 256 images, 8 GPUs × 32: set train_dataloader = dict(batch_size=32).
train_cfg = dict(by_epoch=True, max_epochs=400, val_interval=1)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=1e-4))
# Patience, in epochs, is a choice of this project, and so is the limit of 400 epochs.
param_scheduler = dict(
    type='senet_mm.PlateauLR', monitor='loss/cross_entropy', rule='less', factor=0.1, steps=3, patience=15
)
custom_hooks = [dict(type='senet_mm.PlateauHook')]
# `--auto-scale-lr` scales the learning rate with the images an iteration; 256 is what 0.1 is meant for.
auto_scale_lr = dict(enable=False, base_batch_size=256)
