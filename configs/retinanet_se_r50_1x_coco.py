# SE-ResNet-50 in mmdet's own RetinaNet: any stock detector takes an SE backbone this way.
#
#   tools/dist_train.sh configs/retinanet_se_r50_1x_coco.py 8
#
# Expected: about 12 hours on 8 V100 (an estimate).
# Paper:    none; mmdet reports AP 36.5 for the plain ResNet-50 with this recipe.
_base_ = 'mmdet::retinanet/retinanet_r50_fpn_1x_coco.py'
custom_imports = dict(imports=['senet_mm'], allow_failed_imports=False)
data_help = 'unpack COCO 2017: train2017/, val2017/ and annotations/ below data/coco/'
model = dict(
    backbone=dict(
        type='senet_mm.SEResNet',
        init_cfg=dict(
            prefix='backbone.',
            checkpoint='https://mmassets.onedl.ai/mmclassification/v0/se-resnet/'
            'se-resnet50_batch256_imagenet_20200804-ae206104.pth',
        ),
    )
)
