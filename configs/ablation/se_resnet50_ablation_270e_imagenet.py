# SE-ResNet-50 by the recipe of the ablations with fixed steps: 270 epochs, ÷10 at 125, 200 and 250.
#
#   tools/dist_train.sh configs/ablation/se_resnet50_ablation_270e_imagenet.py 8
#
# Expected: about 50 hours on 8 A100 (an estimate).
# Paper:    top-1 / top-5 error 22.20 / 6.00 % (Sec. 6, footnote; no table).
_base_ = './resnet50_ablation_270e_imagenet.py'
model = dict(backbone=dict(se=dict(ratio=16, bias=False)))
