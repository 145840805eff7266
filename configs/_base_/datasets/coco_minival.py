# The paper's COCO protocol: train on the 80k training and 35k validation images, test on the 5k minival.
# `senet_mm.CocoMinival` reads the 2014 layout (with the minival annotation files) and the 2017 layout alike:
# train2017 is that union, val2017 is minival.
data_help = 'tools/prepare_data.py coco --source <your COCO folder>'

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='Resize', scale=(1333, 800), keep_ratio=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackDetInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(1333, 800), keep_ratio=True),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')),
]
train_dataloader = dict(
    batch_size=2,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler'),
    batch_sampler=dict(type='AspectRatioBatchSampler'),
    dataset=dict(
        type='senet_mm.CocoMinival',
        data_root='data/coco/',
        split='train',
        filter_cfg=dict(filter_empty_gt=True),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='senet_mm.CocoMinival',
        data_root='data/coco/',
        split='minival',
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='senet_mm.CocoMinivalMetric', data_root='data/coco/', metric='bbox')
test_evaluator = dict(val_evaluator, classwise=True)
