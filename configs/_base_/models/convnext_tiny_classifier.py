# mmpretrain's ConvNeXt-T (arXiv 2201.03545), with a place for an SE block at the end of every residual branch.
_base_ = './linear_classifier.py'
model = dict(
    backbone=dict(
        type='senet_mm.WithSE',
        model=dict(type='mmpretrain.ConvNeXt', arch='tiny', drop_path_rate=0.1),
        where='stages.*.*.drop_path',
    ),
    neck=None,  # the backbone itself averages over space, before its last normalisation
    head=dict(
        in_channels=768,
        loss=dict(type='LabelSmoothLoss', label_smooth_val=0.1, mode='original'),
        cal_acc=False,  # mixed images have no one class
    ),
    train_cfg=dict(augments=[dict(type='Mixup', alpha=0.8), dict(type='CutMix', alpha=1.0)]),
)
