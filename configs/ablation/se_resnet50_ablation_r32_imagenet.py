# SE-ResNet-50 with a reduction ratio of 32.
#
#   tools/dist_train.sh configs/ablation/se_resnet50_ablation_r32_imagenet.py 8
#
# Expected: about 55 hours on 8 A100 (an estimate).
# Paper:    top-1 / top-5 error 22.72 / 6.20 % (Table 10).
_base_ = './se_resnet50_ablation_r16_imagenet.py'
model = dict(backbone=dict(se=dict(ratio=32)))
