# Faster R-CNN, SE-ResNet-101 and FPN, minival protocol, Detectron's 2x schedule: Table 7.
#
#   tools/dist_train.sh configs/faster_rcnn_se_r101_2x_coco.py 8
#
# Expected: about 30 hours on 8 V100 (an estimate).
# Paper:    AP 41.9, AP@0.5 62.7 (Table 7).
_base_ = './faster_rcnn_r101_2x_coco.py'
model = dict(
    backbone=dict(
        se=dict(ratio=16),
        init_cfg=dict(
            checkpoint='https://mmassets.onedl.ai/mmclassification/v0/se-resnet/'
            'se-resnet101_batch256_imagenet_20200804-ba5b51d4.pth'
        ),
    )
)
