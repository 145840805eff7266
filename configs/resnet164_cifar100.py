# ResNet-164 on CIFAR-100: batch 128, learning rate 0.1, 164 epochs.
#
#   tools/train.py configs/resnet164_cifar100.py
#
# Expected: 2 hours on one A100 (an estimate).
# Paper:    error 24.33 % (Table 5).
_base_ = [
    '_base_/models/resnet164_classifier.py',
    '_base_/datasets/cifar100.py',
    '_base_/schedules/cifar_164e.py',
    '_base_/cifar_runtime.py',
]
model = dict(head=dict(num_classes=100))
