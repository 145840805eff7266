# SE-ResNet-50 with SE blocks in stage 2 (layer1) only.
#
#   tools/dist_train.sh configs/ablation/se_resnet50_ablation_stage2_imagenet.py 8
#
# Expected: about 55 hours on 8 A100 (an estimate).
# Paper:    top-1 / top-5 error 23.03 / 6.48 % (Table 13).
_base_ = './se_resnet50_ablation_r16_imagenet.py'
model = dict(backbone=dict(se=dict(stages=[2])))
