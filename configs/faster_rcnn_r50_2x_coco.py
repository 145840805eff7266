# Faster R-CNN, ResNet-50 and FPN, minival protocol, Detectron's 2x schedule: the baseline of Table 7.
#
#   tools/dist_train.sh configs/faster_rcnn_r50_2x_coco.py 8
#   (one GPU: tools/train.py configs/faster_rcnn_r50_2x_coco.py --accumulate)
#
# Expected: about 20 hours on 8 V100 (an estimate).
# Paper:    AP 38.0, AP@0.5 57.9 (Table 7).
#
# The backbone starts from OpenMMLab's ImageNet weights, as the SE network does: one training recipe for both. To start
# from a run of your own, which has the paper's strides (the test takes the style, too):
#   --cfg-options model.backbone.style=caffe \
#     model.backbone.init_cfg.checkpoint=work_dirs/resnet50_imagenet/epoch_100.pth
_base_ = [
    '_base_/models/faster_rcnn_r50_fpn.py',
    '_base_/datasets/coco_minival.py',
    '_base_/schedules/detectron_2x.py',
    '_base_/detection_runtime.py',
]
