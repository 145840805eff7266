# The pre-activation ResNet-164: 18 bottlenecks a stage, projections.
_base_ = './cifar_classifier.py'
model = dict(
    backbone=dict(type='senet_mm.PreActResNet', depth=164),
    head=dict(in_channels=256, init_cfg=dict(a=-(256**-0.5), b=256**-0.5)),
)
