# SE-DenseNet-121 on ImageNet, the paper's recipe: batch 1024, learning rate 0.6, 100 epochs.
#
#   tools/dist_train.sh configs/se_densenet121_imagenet.py 8
#   (fewer GPUs: add --accumulate)
#
# Expected: about 15 hours on 8 A100 (an estimate).
# Paper:    none; SENet has no number for DenseNet.
_base_ = './densenet121_imagenet.py'
model = dict(backbone=dict(se=dict(ratio=16)))
