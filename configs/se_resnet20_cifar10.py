# SE-ResNet-20 on CIFAR-10: batch 128, learning rate 0.1, 164 epochs. A small relative for teaching and tests.
#
#   tools/train.py configs/se_resnet20_cifar10.py
#
# Expected: 15 minutes on one A100 (an estimate).
# Paper:    none.
_base_ = './resnet20_cifar10.py'
model = dict(backbone=dict(se=dict(ratio=16)))
