# WRN-16-8 on CIFAR-100: batch 128, learning rate 0.1, 200 epochs.
#
#   tools/train.py configs/wrn16_8_cifar100.py
#
# Expected: 1 hour on one A100 (an estimate).
# Paper:    error 20.43 % (Table 5).
_base_ = [
    '_base_/models/wrn16_8_classifier.py',
    '_base_/datasets/cifar100.py',
    '_base_/schedules/cifar_200e.py',
    '_base_/cifar_runtime.py',
]
model = dict(head=dict(num_classes=100))
