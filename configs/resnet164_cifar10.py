# ResNet-164 on CIFAR-10: batch 128, learning rate 0.1, 164 epochs.
#
#   tools/train.py configs/resnet164_cifar10.py
#
# Expected: 2 hours on one A100 (an estimate).
# Paper:    error 5.46 % (Table 4).
_base_ = [
    '_base_/models/resnet164_classifier.py',
    '_base_/datasets/cifar10.py',
    '_base_/schedules/cifar_164e.py',
    '_base_/cifar_runtime.py',
]
