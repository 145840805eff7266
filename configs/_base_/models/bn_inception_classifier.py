# BN-Inception with the widths of the paper's released network (2.03 GFLOPs).
model = dict(
    type='ImageClassifier',
    backbone=dict(type='senet_mm.BNInception'),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='LinearClsHead',
        num_classes=1000,
        in_channels=1024,
        loss=dict(type='CrossEntropyLoss', loss_weight=1.0),
        topk=(1, 5),
    ),
)
