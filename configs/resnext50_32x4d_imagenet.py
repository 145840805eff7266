# ResNeXt-50 (32×4d) on ImageNet, the paper's recipe: batch 1024, learning rate 0.6, 100 epochs.
#
#   tools/dist_train.sh configs/resnext50_32x4d_imagenet.py 8
#   (fewer GPUs: add --accumulate)
#
# Expected: about 18 hours on 8 A100 (an estimate).
# Paper:    top-1 / top-5 error 22.11 / 5.90 % (Table 2).
#
# Unlike in the paper's ResNets the stride is in the 3×3 convolution, as in its released SE-ResNeXt networks: this way
# the operations are the paper's 4.24 G, with the stride in the first 1×1 they would be 3.77 G.
_base_ = './resnet50_imagenet.py'
model = dict(backbone=dict(type='senet_mm.ResNeXt', style='pytorch'))
