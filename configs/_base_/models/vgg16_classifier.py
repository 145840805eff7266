# VGG-16 with BatchNorm; its 4096-wide fully-connected layers are in the head (15.47 GFLOPs with them).
model = dict(
    type='ImageClassifier',
    backbone=dict(type='senet_mm.VGG', depth=16),
    neck=dict(type='senet_mm.GridFlatten', size=7),
    head=dict(
        type='StackedLinearClsHead',
        num_classes=1000,
        in_channels=512 * 7 * 7,
        mid_channels=[4096, 4096],
        dropout_rate=0.5,
        loss=dict(type='CrossEntropyLoss', loss_weight=1.0),
        topk=(1, 5),
        cal_acc=True,  # the training error, for Figure 4
        init_cfg=dict(type='Normal', layer='Linear', std=0.01),
    ),
)
