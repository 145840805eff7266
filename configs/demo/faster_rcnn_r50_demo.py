# Faster R-CNN, ResNet-50 and FPN on the demo's digits in COCO's layout.
#
#   make demo
#
# Only data, image size, schedule, RoI count and a floor for anchors differ from ../faster_rcnn_r50_2x_coco.py; the
# backbone's weights are resnet50_demo.py's.
_base_ = '../faster_rcnn_r50_2x_coco.py'
data_help = 'tools/prepare_data.py demo'

model = dict(
    backbone=dict(style='caffe', init_cfg=dict(checkpoint='work_dirs/resnet50_demo/epoch_5.pth')),
    roi_head=dict(bbox_head=dict(num_classes=10)),
    train_cfg=dict(
        rpn=dict(assigner=dict(min_pos_iou=0.3)),  # the smallest digits have a fifth of an anchor's area
        rpn_proposal=dict(nms_pre=500, max_per_img=250),
        rcnn=dict(sampler=dict(num=48)),
    ),
    test_cfg=dict(rpn=dict(nms_pre=250, max_per_img=100)),
)

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='Resize', scale=(128, 128), keep_ratio=True),
    dict(type='PackDetInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(128, 128), keep_ratio=True),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')),
]
digits = dict(classes=('zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'))
dataset = dict(data_root='data/demo/coco/', metainfo=digits)
train_dataloader = dict(batch_size=4, num_workers=1, dataset=dict(**dataset, pipeline=train_pipeline))
val_dataloader = dict(num_workers=1, dataset=dict(**dataset, pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(data_root='data/demo/coco/')
test_evaluator = val_evaluator

train_cfg = dict(max_iters=240, val_interval=1000)
optim_wrapper = dict(
    _delete_=True, type='OptimWrapper', optimizer=dict(type='AdamW', lr=3e-4, weight_decay=0.05, fused=True)
)
param_scheduler = dict(_delete_=True, type='OneCycleLR', eta_max=3e-4, total_steps=240, by_epoch=False)
default_hooks = dict(logger=dict(interval=25), checkpoint=dict(interval=240))
randomness = dict(seed=0)
