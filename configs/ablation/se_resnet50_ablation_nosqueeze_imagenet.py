# NoSqueeze: the two layers of the excitation as 1×1 convolutions over the whole map.
#
#   tools/dist_train.sh configs/ablation/se_resnet50_ablation_nosqueeze_imagenet.py 8
#
# Expected: about 55 hours on 8 A100 (an estimate).
# Paper:    top-1 / top-5 error 22.93 / 6.39 % (Table 16).
_base_ = './se_resnet50_ablation_r16_imagenet.py'
model = dict(backbone=dict(se=dict(squeeze='none')))
