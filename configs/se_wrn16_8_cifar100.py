# SE-WRN-16-8 on CIFAR-100: batch 128, learning rate 0.1, 200 epochs.
#
#   tools/train.py configs/se_wrn16_8_cifar100.py
#
# Expected: 1 hour on one A100 (an estimate).
# Paper:    error 19.14 % (Table 5).
_base_ = './wrn16_8_cifar100.py'
model = dict(backbone=dict(se=dict(ratio=16)))
