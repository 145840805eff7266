# SE-VGG-16 with BatchNorm on ImageNet, the paper's recipe: batch 1024, learning rate 0.6, 100 epochs.
#
#   tools/dist_train.sh configs/se_vgg16_imagenet.py 8
#   (fewer GPUs: add --accumulate)
#
# Expected: about 32 hours on 8 A100 (an estimate).
# Paper:    top-1 / top-5 error 25.22 / 7.70 % (Table 2).
_base_ = './vgg16_imagenet.py'
model = dict(backbone=dict(se=dict(ratio=16)))
