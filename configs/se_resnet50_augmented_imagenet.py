# SE-ResNet-50 on ImageNet as the authors trained what they released: resnet50_augmented_imagenet.py with SE.
#
#   tools/dist_train.sh configs/se_resnet50_augmented_imagenet.py 8
#   (fewer GPUs: add --accumulate)
#
# Expected: about 40 hours on 8 A100 (an estimate).
# Paper:    none; the released SE-ResNet-50 has top-1 / top-5 error 22.37 / 6.36 % (its README).
_base_ = './resnet50_augmented_imagenet.py'
model = dict(backbone=dict(se=dict(ratio=16)))
