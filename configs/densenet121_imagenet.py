# DenseNet-121 on ImageNet, the paper's recipe: batch 1024, learning rate 0.6, 100 epochs.
#
#   tools/dist_train.sh configs/densenet121_imagenet.py 8
#   (fewer GPUs: add --accumulate)
#
# Expected: about 13 hours on 8 A100 (an estimate).
# Paper:    none; SENet has no number for DenseNet.
_base_ = [
    '_base_/models/densenet121_classifier.py',
    '_base_/datasets/imagenet_224.py',
    '_base_/schedules/imagenet_100e.py',
    '_base_/classification_runtime.py',
]
