# ResNet-20 on CIFAR-10: batch 128, learning rate 0.1, 164 epochs. A small relative for teaching and tests.
#
#   tools/train.py configs/resnet20_cifar10.py
#
# Expected: 12 minutes on one A100 (an estimate).
# Paper:    none; 8.75 % for the post-activation network (arXiv 1512.03385, Table 6).
_base_ = [
    '_base_/models/resnet20_classifier.py',
    '_base_/datasets/cifar10.py',
    '_base_/schedules/cifar_164e.py',
    '_base_/cifar_runtime.py',
]
