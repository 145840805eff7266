# The schedule of Table 3: batch 256, learning rate 0.1, ÷10 when the validation stops improving, up to 400 epochs.
train_cfg = dict(by_epoch=True, max_epochs=400, val_interval=1)
val_cfg = dict()
test_cfg = dict()
# Weight decay: ShuffleNet's, from memory; the paper does not give it.
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=4e-5))
# The paper watches the loss; OpenMMLab's validation reports accuracy. Patience and the three steps are a choice.
param_scheduler = dict(
    type='ReduceOnPlateauLR', monitor='accuracy/top1', rule='greater', factor=0.1, patience=20, min_value=1e-4
)
# `--auto-scale-lr` scales the learning rate with the images an iteration; 256 is what 0.1 is meant for.
auto_scale_lr = dict(enable=False, base_batch_size=256)
