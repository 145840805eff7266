# Faster R-CNN, ResNet-101 and FPN, minival protocol, Detectron's 2x schedule: the baseline of Table 7.
#
#   tools/dist_train.sh configs/faster_rcnn_r101_2x_coco.py 8
#
# Expected: about 27 hours on 8 V100 (an estimate).
# Paper:    AP 39.9, AP@0.5 60.1 (Table 7).
_base_ = './faster_rcnn_r50_2x_coco.py'
model = dict(
    backbone=dict(
        depth=101,
        init_cfg=dict(
            checkpoint='https://mmassets.onedl.ai/mmclassification/v0/resnet/resnet101_8xb32_in1k_20210831-539c63f8.pth'
        ),
    )
)
