# Faster R-CNN with a ResNet-50 and FPN as Detectron trains it; what differs from mmdet's is said here.
# Source: Detectron configs/12_2017_baselines/e2e_faster_rcnn_R-50-FPN_2x.yaml, core/config.py and roi_data/rpn.py.
_base_ = 'mmdet::_base_/models/faster-rcnn_r50_fpn.py'

model = dict(
    # BatchNorm is a frozen affine layer; the stem and the first stage are frozen whole.
    backbone=dict(
        _delete_=True,
        type='senet_mm.ResNet',
        depth=50,
        style='pytorch',  # as the weights below were trained
        out_indices=(0, 1, 2, 3),
        frozen_stages=1,
        norm_cfg=dict(type='BN', requires_grad=False),
        norm_eval=True,
        init_cfg=dict(
            type='Pretrained',
            prefix='backbone.',
            checkpoint='https://mmassets.onedl.ai/mmclassification/v0/resnet/resnet50_8xb32_in1k_20210831-ea4938fc.pth',
        ),
    ),
    rpn_head=dict(loss_bbox=dict(_delete_=True, type='SmoothL1Loss', beta=1 / 9, loss_weight=1.0)),
    roi_head=dict(
        bbox_roi_extractor=dict(roi_layer=dict(sampling_ratio=2)),
        bbox_head=dict(loss_bbox=dict(_delete_=True, type='SmoothL1Loss', beta=1.0, loss_weight=1.0)),
    ),
    train_cfg=dict(
        rpn=dict(
            # Every object has the anchor that fits it best, however badly. Of one that no anchor touches, 0 would mean
            # all of them.
            assigner=dict(min_pos_iou=1e-6),
            allowed_border=0,  # TRAIN.RPN_STRADDLE_THRESH: anchors that cross the border are not sampled
        ),
        rpn_proposal=dict(nms_pre=2000, max_per_img=2000),
    ),
)
