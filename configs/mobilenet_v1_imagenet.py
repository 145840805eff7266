# MobileNet-v1 on ImageNet, the paper's recipe: batch 256, learning rate 0.1 ÷10 on plateau, 400 epochs.
#
#   tools/dist_train.sh configs/mobilenet_v1_imagenet.py 8
#   (fewer GPUs: add --accumulate)
#
# Expected: about 28 hours on 8 A100 (an estimate).
# Paper:    top-1 / top-5 error 28.4 / 9.4 % (Table 3).
_base_ = [
    '_base_/models/mobilenet_v1_classifier.py',
    '_base_/datasets/imagenet_224_mobile.py',
    '_base_/schedules/imagenet_mobile.py',
    '_base_/classification_runtime.py',
]
