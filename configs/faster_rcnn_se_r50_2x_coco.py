# Faster R-CNN, SE-ResNet-50 and FPN, minival protocol, Detectron's 2x schedule: Table 7.
#
#   tools/dist_train.sh configs/faster_rcnn_se_r50_2x_coco.py 8
#   (one GPU: tools/train.py configs/faster_rcnn_se_r50_2x_coco.py --accumulate)
#
# Expected: about 22 hours on 8 V100 (an estimate).
# Paper:    AP 40.4, AP@0.5 61.0 (Table 7).
_base_ = './faster_rcnn_r50_2x_coco.py'
model = dict(
    backbone=dict(
        se=dict(ratio=16),
        init_cfg=dict(
            checkpoint='https://mmassets.onedl.ai/mmclassification/v0/se-resnet/'
            'se-resnet50_batch256_imagenet_20200804-ae206104.pth'
        ),
    )
)
