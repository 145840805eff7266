# ShuffleNet-v1, 1× with 3 groups (137 MFLOPs; nominally 140).
_base_ = './linear_classifier.py'
model = dict(
    backbone=dict(type='senet_mm.ShuffleNetV1'),
    head=dict(in_channels=960),
)
