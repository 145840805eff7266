# ResNet-50 on ImageNet as the authors trained what they released: batch 256, learning rate 0.1 ÷10 on plateau, more
# augmentation, class-balanced batches.
#
#   tools/dist_train.sh configs/resnet50_augmented_imagenet.py 8
#   (fewer GPUs: add --accumulate)
#
# Expected: about 36 hours on 8 A100 (an estimate).
# Paper:    none; the authors released networks with SE only.
#
# Their README says "more epochs" and no more of the schedule; the plateau is the ablations'.
_base_ = [
    '_base_/models/resnet50_classifier.py',
    '_base_/datasets/imagenet_224_augmented.py',
    '_base_/schedules/imagenet_plateau.py',
    '_base_/classification_runtime.py',
]
