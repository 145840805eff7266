# SE-ResNet-164 on CIFAR-10: batch 128, learning rate 0.1, 164 epochs.
#
#   tools/train.py configs/se_resnet164_cifar10.py
#
# Expected: 2.5 hours on one A100 (an estimate).
# Paper:    error 4.39 % (Table 4).
_base_ = './resnet164_cifar10.py'
model = dict(backbone=dict(se=dict(ratio=16)))
