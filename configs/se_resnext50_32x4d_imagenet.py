# SE-ResNeXt-50 (32×4d) on ImageNet, the paper's recipe: batch 1024, learning rate 0.6, 100 epochs.
#
#   tools/dist_train.sh configs/se_resnext50_32x4d_imagenet.py 8
#   (fewer GPUs: add --accumulate)
#
# Expected: about 20 hours on 8 A100 (an estimate).
# Paper:    top-1 / top-5 error 21.10 / 5.49 % (Table 2).
_base_ = './resnext50_32x4d_imagenet.py'
model = dict(backbone=dict(se=dict(ratio=16)))
