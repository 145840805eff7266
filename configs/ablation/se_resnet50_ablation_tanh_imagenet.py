# SE-ResNet-50 with a tanh as the gate.
#
#   tools/dist_train.sh configs/ablation/se_resnet50_ablation_tanh_imagenet.py 8
#
# Expected: about 55 hours on 8 A100 (an estimate).
# Paper:    top-1 / top-5 error 23.00 / 6.38 % (Table 12).
_base_ = './se_resnet50_ablation_r16_imagenet.py'
model = dict(backbone=dict(se=dict(gate='tanh')))
