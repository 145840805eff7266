# SE-Shake-Shake 26 2x96d on CIFAR-10: Cutout of 16 pixels, batch 128 on 2 GPUs, 1800 epochs.
#
#   tools/dist_train.sh configs/se_shake_shake26_2x96d_cutout_cifar10.py 2
#
# Expected: 1 day on 2 A100 (an estimate).
# Paper:    error 2.12 % (Table 4).
_base_ = './shake_shake26_2x96d_cutout_cifar10.py'
model = dict(backbone=dict(se=dict(ratio=16)))
