# ShuffleNet-v1, 1× with 3 groups (137 MFLOPs; nominally 140).
model = dict(
    type='ImageClassifier',
    backbone=dict(type='senet_mm.ShuffleNetV1'),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='LinearClsHead',
        num_classes=1000,
        in_channels=960,
        loss=dict(type='CrossEntropyLoss', loss_weight=1.0),
        topk=(1, 5),
    ),
)
