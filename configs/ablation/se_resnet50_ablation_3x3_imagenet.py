# SE_3×3: the SE block behind the 3×3 convolution, inside the residual branch.
#
#   tools/dist_train.sh configs/ablation/se_resnet50_ablation_3x3_imagenet.py 8
#
# Expected: about 55 hours on 8 A100 (an estimate).
# Paper:    top-1 / top-5 error 22.48 / 6.02 % (Table 15).
_base_ = './se_resnet50_ablation_r16_imagenet.py'
model = dict(backbone=dict(se=dict(position='3x3')))
