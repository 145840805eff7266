# ConvNeXt-T on ImageNet, a network from outside this project, with its own recipe less the moving average of weights:
# AdamW, batch 4096, learning rate 0.004, cosine, 300 epochs, Mixup, CutMix, RandAugment.
#
#   tools/dist_train.sh configs/convnext_tiny_imagenet.py 8 --auto-scale-lr
#   (8 GPUs × 128 images are a quarter of the batch; with SE: --cfg-options model.backbone.se.ratio=16)
#
# Expected: about 25 hours on 8 A100 (an estimate).
# Paper:    none; SENet has no number for ConvNeXt.
_base_ = [
    '_base_/models/convnext_tiny_classifier.py',
    '_base_/datasets/imagenet_224_randaugment.py',
    'mmpretrain::_base_/schedules/imagenet_bs1024_adamw_swin.py',
    '_base_/classification_runtime.py',
]
optim_wrapper = dict(optimizer=dict(lr=4e-3))
auto_scale_lr = dict(base_batch_size=4096)
