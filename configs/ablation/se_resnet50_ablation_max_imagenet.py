# SE-ResNet-50 with a squeeze by the maximum.
#
#   tools/dist_train.sh configs/ablation/se_resnet50_ablation_max_imagenet.py 8
#
# Expected: about 55 hours on 8 A100 (an estimate).
# Paper:    top-1 / top-5 error 22.57 / 6.09 % (Table 11).
_base_ = './se_resnet50_ablation_r16_imagenet.py'
model = dict(backbone=dict(se=dict(squeeze='max')))
