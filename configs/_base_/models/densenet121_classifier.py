# DenseNet-121, growth rate 32 (2.83 GFLOPs).
model = dict(
    type='ImageClassifier',
    backbone=dict(type='senet_mm.DenseNet', depth=121),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='LinearClsHead',
        num_classes=1000,
        in_channels=1024,
        loss=dict(type='CrossEntropyLoss', loss_weight=1.0),
        topk=(1, 5),
    ),
)
