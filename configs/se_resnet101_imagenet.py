# SE-ResNet-101 on ImageNet, the paper's recipe: batch 1024, learning rate 0.6, 100 epochs.
#
#   tools/dist_train.sh configs/se_resnet101_imagenet.py 8
#   (fewer GPUs: add --accumulate)
#
# Expected: about 22 hours on 8 A100 (an estimate).
# Paper:    top-1 / top-5 error 22.38 / 6.07 % (Table 2).
_base_ = './resnet101_imagenet.py'
model = dict(backbone=dict(se=dict(ratio=16)))
