# SE-ResNet-152 on ImageNet, the paper's recipe: batch 1024, learning rate 0.6, 100 epochs.
#
#   tools/dist_train.sh configs/se_resnet152_imagenet.py 8
#   (fewer GPUs: add --accumulate)
#
# Expected: about 31 hours on 8 A100 (an estimate).
# Paper:    top-1 / top-5 error 21.57 / 5.73 % (Table 2).
_base_ = './resnet152_imagenet.py'
model = dict(backbone=dict(se=dict(ratio=16)))
