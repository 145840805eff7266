# Shake-Shake-Image: depth 26, two branches of width 96.
_base_ = './cifar_classifier.py'
model = dict(
    backbone=dict(type='senet_mm.ShakeResNet', depth=26, base_width=96),
    head=dict(in_channels=384, init_cfg=dict(a=-(384**-0.5), b=384**-0.5)),
)
