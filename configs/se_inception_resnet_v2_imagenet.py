# SE-Inception-ResNet-v2 on ImageNet, the paper's recipe: 299×299, batch 1024, learning rate 0.6, 100 epochs.
#
#   tools/dist_train.sh configs/se_inception_resnet_v2_imagenet.py 8
#   (fewer GPUs: add --accumulate)
#
# Expected: about 43 hours on 8 A100 (an estimate).
# Paper:    top-1 / top-5 error 19.80 / 4.79 % (Table 2).
_base_ = './inception_resnet_v2_imagenet.py'
model = dict(backbone=dict(se=dict(ratio=16)))
