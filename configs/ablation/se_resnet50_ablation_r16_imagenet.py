# SE-ResNet-50 by the recipe of the ablations, as all of them have it: r = 16, average, sigmoid, all stages, standard.
#
#   tools/dist_train.sh configs/ablation/se_resnet50_ablation_r16_imagenet.py 8
#
# Expected: about 55 hours on 8 A100 (an estimate).
# Paper:    top-1 / top-5 error 22.28 / 6.03 % (Tables 10–16).
_base_ = './resnet50_ablation_imagenet.py'
model = dict(backbone=dict(se=dict(ratio=16, bias=False)))
