# The pre-activation ResNet-110: 18 basic units a stage, shortcuts without parameters.
_base_ = './cifar_classifier.py'
model = dict(
    backbone=dict(type='senet_mm.PreActResNet', depth=110),
    head=dict(in_channels=64, init_cfg=dict(a=-(64**-0.5), b=64**-0.5)),
)
