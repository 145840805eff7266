# SE-MobileNet-v1 on ImageNet, the paper's recipe: batch 256, learning rate 0.1 ÷10 on plateau, 400 epochs.
#
#   tools/dist_train.sh configs/se_mobilenet_v1_imagenet.py 8
#   (fewer GPUs: add --accumulate)
#
# Expected: about 30 hours on 8 A100 (an estimate).
# Paper:    top-1 / top-5 error 25.3 / 7.7 % (Table 3).
_base_ = './mobilenet_v1_imagenet.py'
model = dict(backbone=dict(se=dict(ratio=16)))
