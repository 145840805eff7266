# Shake-Shake 26 2x96d on CIFAR-10: Cutout of 16 pixels, batch 128 on 2 GPUs, 1800 epochs.
#
#   tools/dist_train.sh configs/shake_shake26_2x96d_cutout_cifar10.py 2
#
# Expected: 1 day on 2 A100 (an estimate).
# Paper:    error 2.56 % (Table 4).
_base_ = [
    '_base_/models/shake_shake26_2x96d_classifier.py',
    '_base_/datasets/cifar10_cutout.py',
    '_base_/schedules/cifar_1800e.py',
    '_base_/cifar_runtime.py',
]
train_dataloader = dict(batch_size=64)  # BatchNorm sees a GPU's 64 images, as in the original
