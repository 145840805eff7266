# RegNetX-400MF on ImageNet, a network from outside this project, with its own schedule: batch 1024, learning rate 0.8,
# cosine, 100 epochs.
#
#   tools/dist_train.sh configs/regnetx_400mf_imagenet.py 8
#   (fewer GPUs: add --accumulate; with SE: --cfg-options model.backbone.se.ratio=16, or the next config)
#
# Expected: about 8 hours on 8 A100 (an estimate).
# Paper:    none; SENet has no number for RegNet.
_base_ = [
    '_base_/models/regnetx_400mf_classifier.py',
    '_base_/datasets/imagenet_224.py',
    'mmpretrain::_base_/schedules/imagenet_bs1024_coslr.py',
    '_base_/classification_runtime.py',
]
optim_wrapper = dict(optimizer=dict(nesterov=True))
