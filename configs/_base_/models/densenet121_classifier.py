# DenseNet-121, growth rate 32 (2.83 GFLOPs).
_base_ = './linear_classifier.py'
model = dict(
    backbone=dict(type='senet_mm.DenseNet', depth=121),
    head=dict(in_channels=1024),
)
