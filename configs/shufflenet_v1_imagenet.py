# ShuffleNet-v1 on ImageNet, the paper's recipe: batch 256, learning rate 0.1 ÷10 on plateau, 400 epochs.
#
#   tools/dist_train.sh configs/shufflenet_v1_imagenet.py 8
#   (fewer GPUs: add --accumulate)
#
# Expected: about 28 hours on 8 A100 (an estimate).
# Paper:    top-1 / top-5 error 32.6 / 12.5 % (Table 3).
_base_ = [
    '_base_/models/shufflenet_v1_classifier.py',
    '_base_/datasets/imagenet_224_mobile.py',
    '_base_/schedules/imagenet_mobile.py',
    '_base_/classification_runtime.py',
]
