# SE-Identity: the SE block on the shortcut.
#
#   tools/dist_train.sh configs/ablation/se_resnet50_ablation_identity_imagenet.py 8
#
# Expected: about 55 hours on 8 A100 (an estimate).
# Paper:    top-1 / top-5 error 22.20 / 6.15 % (Table 14).
_base_ = './se_resnet50_ablation_r16_imagenet.py'
model = dict(backbone=dict(se=dict(position='identity')))
