# SE-ResNet-50 on the demo's digits in ImageNet's layout: the weights that the demo's SE detector starts from.
#
#   tools/prepare_data.py demo && tools/train.py configs/demo/se_resnet50_demo.py
#
# Expected: two minutes on two CPU cores.
_base_ = './resnet50_demo.py'
model = dict(backbone=dict(se=dict(ratio=16)))
