# SE-ResNet-20 on the demo's digits in CIFAR-10's layout.
#
#   tools/prepare_data.py demo && tools/train.py configs/demo/se_resnet20_demo.py
#
# Expected: one minute on two CPU cores.
_base_ = './resnet20_demo.py'
model = dict(backbone=dict(se=dict(ratio=16)))
