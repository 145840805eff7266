# ResNet-152 on ImageNet, the paper's recipe: batch 1024, learning rate 0.6, 100 epochs.
#
#   tools/dist_train.sh configs/resnet152_imagenet.py 8
#   (fewer GPUs: add --accumulate)
#
# Expected: about 28 hours on 8 A100 (an estimate).
# Paper:    top-1 / top-5 error 22.42 / 6.34 % (Table 2).
_base_ = './resnet50_imagenet.py'
model = dict(backbone=dict(depth=152))
