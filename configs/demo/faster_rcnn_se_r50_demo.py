# Faster R-CNN, SE-ResNet-50 and FPN on the demo's digits in COCO's layout.
#
#   make demo
_base_ = './faster_rcnn_r50_demo.py'
model = dict(backbone=dict(se=dict(ratio=16), init_cfg=dict(checkpoint='work_dirs/se_resnet50_demo/epoch_5.pth')))
