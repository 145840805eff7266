# Inception-ResNet-v2 as released (13.16 GFLOPs at 299×299).
_base_ = './linear_classifier.py'
model = dict(
    backbone=dict(type='senet_mm.InceptionResNetV2'),
    head=dict(in_channels=1536),
)
