# ResNet-50 on ImageNet, the paper's recipe: batch 1024, learning rate 0.6, 100 epochs.
#
#   tools/dist_train.sh configs/resnet50_imagenet.py 8
#   (fewer GPUs: add --accumulate)
#
# Expected: about 12 hours on 8 A100 (an estimate).
# Paper:    top-1 / top-5 error 24.80 / 7.48 % (Table 2).
_base_ = [
    '_base_/models/resnet50_classifier.py',
    '_base_/datasets/imagenet_224.py',
    '_base_/schedules/imagenet_100e.py',
    '_base_/classification_runtime.py',
]
