# MobileNet-v1 with all widths times 1.0 (569 MFLOPs).
_base_ = './linear_classifier.py'
model = dict(
    backbone=dict(type='senet_mm.MobileNetV1'),
    head=dict(in_channels=1024),
)
