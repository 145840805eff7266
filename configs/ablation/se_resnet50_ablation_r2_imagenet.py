# SE-ResNet-50 with a reduction ratio of 2.
#
#   tools/dist_train.sh configs/ablation/se_resnet50_ablation_r2_imagenet.py 8
#
# Expected: about 55 hours on 8 A100 (an estimate).
# Paper:    top-1 / top-5 error 22.29 / 6.00 % (Table 10).
_base_ = './se_resnet50_ablation_r16_imagenet.py'
model = dict(backbone=dict(se=dict(ratio=2)))
