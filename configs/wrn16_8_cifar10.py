# WRN-16-8 on CIFAR-10: batch 128, learning rate 0.1, 200 epochs.
#
#   tools/train.py configs/wrn16_8_cifar10.py
#
# Expected: 1 hour on one A100 (an estimate).
# Paper:    error 4.27 % (Table 4).
_base_ = [
    '_base_/models/wrn16_8_classifier.py',
    '_base_/datasets/cifar10.py',
    '_base_/schedules/cifar_200e.py',
    '_base_/cifar_runtime.py',
]
