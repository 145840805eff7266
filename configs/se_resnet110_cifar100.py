# SE-ResNet-110 on CIFAR-100: batch 128, learning rate 0.1, 164 epochs.
#
#   tools/train.py configs/se_resnet110_cifar100.py
#
# Expected: 1.6 hours on one A100 (an estimate).
# Paper:    error 23.85 % (Table 5).
_base_ = './resnet110_cifar100.py'
model = dict(backbone=dict(se=dict(ratio=16)))
