# SE-BN-Inception on ImageNet, the paper's recipe: batch 1024, learning rate 0.6, 100 epochs.
#
#   tools/dist_train.sh configs/se_bn_inception_imagenet.py 8
#   (fewer GPUs: add --accumulate)
#
# Expected: about 10 hours on 8 A100 (an estimate).
# Paper:    top-1 / top-5 error 24.23 / 7.14 % (Table 2).
_base_ = './bn_inception_imagenet.py'
model = dict(backbone=dict(se=dict(ratio=16)))
