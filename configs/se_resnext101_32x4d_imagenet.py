# SE-ResNeXt-101 (32×4d) on ImageNet, the paper's recipe: batch 1024, learning rate 0.6, 100 epochs.
#
#   tools/dist_train.sh configs/se_resnext101_32x4d_imagenet.py 8
#   (fewer GPUs: add --accumulate)
#
# Expected: about 33 hours on 8 A100 (an estimate).
# Paper:    top-1 / top-5 error 20.70 / 5.01 % (Table 2).
_base_ = './resnext101_32x4d_imagenet.py'
model = dict(backbone=dict(se=dict(ratio=16)))
