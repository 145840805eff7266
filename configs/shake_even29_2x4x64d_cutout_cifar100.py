# Shake-Even 29 2x4x64d on CIFAR-100: Cutout of 8 pixels, batch 32 on 2 GPUs, 1800 epochs.
#
#   tools/dist_train.sh configs/shake_even29_2x4x64d_cutout_cifar100.py 2
#
# Expected: 2 days on 2 A100 (an estimate).
# Paper:    error 15.85 % (Table 5); it is Shake-Even without Cutout in Gastaldi’s paper, Cutout’s authors report 15.20.
_base_ = [
    '_base_/models/shake_even29_2x4x64d_classifier.py',
    '_base_/datasets/cifar100_cutout.py',
    '_base_/schedules/cifar_1800e.py',
    '_base_/cifar_runtime.py',
]
model = dict(head=dict(num_classes=100))
train_dataloader = dict(batch_size=16)
optim_wrapper = dict(optimizer=dict(lr=0.025, weight_decay=5e-4))
auto_scale_lr = dict(base_batch_size=32)
