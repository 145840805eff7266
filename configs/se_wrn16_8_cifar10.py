# SE-WRN-16-8 on CIFAR-10: batch 128, learning rate 0.1, 200 epochs.
#
#   tools/train.py configs/se_wrn16_8_cifar10.py
#
# Expected: 1 hour on one A100 (an estimate).
# Paper:    error 3.88 % (Table 4).
_base_ = './wrn16_8_cifar10.py'
model = dict(backbone=dict(se=dict(ratio=16)))
