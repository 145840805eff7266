# Beyond the paper’s tables: a ratio for each stage, so that every SE block has 64 hidden channels.
#
# Sec. 6.4: "using an identical ratio throughout a network may not be optimal".
#
#   tools/dist_train.sh configs/ablation/se_resnet50_ablation_ratios_imagenet.py 8
#
# Expected: about 55 hours on 8 A100 (an estimate).
# Paper:    none.
_base_ = './se_resnet50_ablation_r16_imagenet.py'
model = dict(backbone=dict(se=dict(ratio=[4, 8, 16, 32])))
