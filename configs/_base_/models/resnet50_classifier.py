# The paper's ResNet-50: the stride of a bottleneck is in its first 1×1 convolution (3.86 GFLOPs).
_base_ = './linear_classifier.py'
model = dict(
    backbone=dict(type='senet_mm.ResNet', depth=50, style='caffe'),
    head=dict(in_channels=2048),
)
