# A backbone, global average pooling, and one fully-connected layer for ImageNet's 1000 classes.
model = dict(
    type='ImageClassifier',
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='LinearClsHead',
        num_classes=1000,
        loss=dict(type='CrossEntropyLoss', loss_weight=1.0),
        topk=(1, 5),
        cal_acc=True,  # the training error, for Figure 4
    ),
)
