# SE-ResNet-164 on CIFAR-100: batch 128, learning rate 0.1, 164 epochs.
#
#   tools/train.py configs/se_resnet164_cifar100.py
#
# Expected: 2.5 hours on one A100 (an estimate).
# Paper:    error 21.31 % (Table 5).
_base_ = './resnet164_cifar100.py'
model = dict(backbone=dict(se=dict(ratio=16)))
