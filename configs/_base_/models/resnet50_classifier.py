# The paper's ResNet-50: the stride of a bottleneck is in its first 1×1 convolution (3.86 GFLOPs).
model = dict(
    type='ImageClassifier',
    backbone=dict(type='senet_mm.ResNet', depth=50, style='caffe'),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='LinearClsHead',
        num_classes=1000,
        in_channels=2048,
        loss=dict(type='CrossEntropyLoss', loss_weight=1.0),
        topk=(1, 5),
    ),
)
