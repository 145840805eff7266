# Inception-ResNet-v2 on ImageNet, the paper's recipe: 299×299, batch 1024, learning rate 0.6, 100 epochs.
#
#   tools/dist_train.sh configs/inception_resnet_v2_imagenet.py 8
#   (fewer GPUs: add --accumulate)
#
# Expected: about 40 hours on 8 A100 (an estimate).
# Paper:    top-1 / top-5 error 20.37 / 5.21 % (Table 2).
_base_ = [
    '_base_/models/inception_resnet_v2_classifier.py',
    '_base_/datasets/imagenet_299.py',
    '_base_/schedules/imagenet_100e.py',
    '_base_/classification_runtime.py',
]
