# SE-ConvNeXt-T on ImageNet: an SE block in a network that knows nothing of SE, by one option.
#
#   tools/dist_train.sh configs/se_convnext_tiny_imagenet.py 8 --auto-scale-lr
#   (8 GPUs × 128 images are a quarter of the batch)
#
# Expected: about 27 hours on 8 A100 (an estimate).
# Paper:    none; SENet has no number for ConvNeXt.
_base_ = './convnext_tiny_imagenet.py'
model = dict(backbone=dict(se=dict(ratio=16)))
