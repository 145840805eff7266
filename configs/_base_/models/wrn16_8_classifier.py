# Wide ResNet of depth 16, eight times as wide.
_base_ = './cifar_classifier.py'
model = dict(
    backbone=dict(type='senet_mm.WideResNet', depth=16, widen_factor=8),
    head=dict(in_channels=512, init_cfg=dict(a=-(512**-0.5), b=512**-0.5)),
)
