# BN-Inception with the widths of the paper's released network (2.03 GFLOPs).
_base_ = './linear_classifier.py'
model = dict(
    backbone=dict(type='senet_mm.BNInception'),
    head=dict(in_channels=1024),
)
