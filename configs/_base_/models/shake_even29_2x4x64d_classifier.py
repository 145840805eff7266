# Shake-Even-Image: depth 29, two branches of grouped bottlenecks, 4 groups of width 64.
_base_ = './cifar_classifier.py'
model = dict(
    backbone=dict(type='senet_mm.ShakeResNet', depth=29, base_width=64, groups=4, backward_shake='even'),
    head=dict(in_channels=1024, init_cfg=dict(a=-(1024**-0.5), b=1024**-0.5)),
)
