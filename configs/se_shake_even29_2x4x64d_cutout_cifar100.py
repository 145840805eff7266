# SE-Shake-Even 29 2x4x64d on CIFAR-100: Cutout of 8 pixels, batch 32 on 2 GPUs, 1800 epochs.
#
#   tools/dist_train.sh configs/se_shake_even29_2x4x64d_cutout_cifar100.py 2
#
# Expected: 2 days on 2 A100 (an estimate).
# Paper:    error 15.41 % (Table 5).
_base_ = './shake_even29_2x4x64d_cutout_cifar100.py'
model = dict(backbone=dict(se=dict(ratio=16)))
