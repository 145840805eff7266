# ResNet-50 by the recipe of the ablations: what Tables 10, 13 and 16 compare with.
#
# Batch 256, learning rate 0.1 ÷10 on plateau, three times; label smoothing. No SE block of an ablation has biases.
#
#   tools/dist_train.sh configs/ablation/resnet50_ablation_imagenet.py 8
#
# Expected: about 50 hours on 8 A100 (an estimate).
# Paper:    top-1 / top-5 error 23.30 / 6.55 % (Tables 10, 13 and 16).
_base_ = [
    '../_base_/models/resnet50_smoothed_classifier.py',
    '../_base_/datasets/imagenet_224.py',
    '../_base_/schedules/imagenet_plateau.py',
    '../_base_/classification_runtime.py',
]
train_dataloader = dict(batch_size=32)
