# SE-ResNet-110 on CIFAR-10: batch 128, learning rate 0.1, 164 epochs.
#
#   tools/train.py configs/se_resnet110_cifar10.py
#
# Expected: 1.6 hours on one A100 (an estimate).
# Paper:    error 5.21 % (Table 4).
_base_ = './resnet110_cifar10.py'
model = dict(backbone=dict(se=dict(ratio=16)))
