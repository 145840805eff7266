# Inception-ResNet-v2 as released (13.16 GFLOPs at 299×299).
model = dict(
    type='ImageClassifier',
    backbone=dict(type='senet_mm.InceptionResNetV2'),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='LinearClsHead',
        num_classes=1000,
        in_channels=1536,
        loss=dict(type='CrossEntropyLoss', loss_weight=1.0),
        topk=(1, 5),
    ),
)
