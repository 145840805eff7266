# SENet-154 on ImageNet, trained and tested at 224: batch 2048, learning rate 1.0, 100 epochs.
#
#   tools/dist_train.sh configs/senet154_imagenet.py 8
#   (that on each of 8 machines, with NNODES=8, NODE_RANK=0 … 7 and MASTER_ADDR set; on fewer GPUs add --accumulate)
#
# Expected: about 8 hours on 64 A100 (an estimate).
# Paper:    top-1 / top-5 error 18.68 / 4.47 %; tested at 320 (--crops center-320): 17.28 / 3.79 % (Table 8).
_base_ = './resnext152_64x4d_imagenet.py'
model = dict(backbone=dict(se=dict(ratio=16)))
