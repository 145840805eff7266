# SE-ResNet-50 with a ReLU as the gate.
#
#   tools/dist_train.sh configs/ablation/se_resnet50_ablation_relu_imagenet.py 8
#
# Expected: about 55 hours on 8 A100 (an estimate).
# Paper:    top-1 / top-5 error 23.47 / 6.98 % (Table 12).
_base_ = './se_resnet50_ablation_r16_imagenet.py'
model = dict(backbone=dict(se=dict(gate='relu')))
