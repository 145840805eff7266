# SENet-154 without its SE blocks on ImageNet: a modified ResNeXt-152 (64×4d), batch 2048, learning rate 1.0.
#
#   tools/dist_train.sh configs/resnext152_64x4d_imagenet.py 8
#   (that on each of 8 machines, with NNODES=8, NODE_RANK=0 … 7 and MASTER_ADDR set; on fewer GPUs add --accumulate)
#
# Expected: about 7 hours on 64 A100 (an estimate).
# Paper:    none; it has this network with SE only, as SENet-154.
#
# The appendix's modifications: the first 1×1 convolution of each bottleneck halved, three 3×3 convolutions as the stem,
# 3×3 convolutions in the strided shortcuts, dropout of 0.2 before the classifier, label smoothing, BatchNorm frozen for
# the last epochs. As in the released SENet-154 the stem's max pooling is in ceil mode and the stride of a bottleneck in
# its 3×3 convolution.
_base_ = './resnet50_imagenet.py'
model = dict(
    backbone=dict(
        type='senet_mm.ResNeXt',
        depth=152,
        style='pytorch',
        groups=64,
        deep_stem=True,
        stem_channels=128,
        ceil_pool=True,
        halve_first=True,
        projection_kernel=3,
    ),
    neck=[dict(type='GlobalAveragePooling'), dict(type='senet_mm.FeatureDropout', p=0.2)],
    head=dict(loss=dict(_delete_=True, type='LabelSmoothLoss', label_smooth_val=0.1, mode='original')),
)
train_dataloader = dict(batch_size=32)  # on each of 64 GPUs
optim_wrapper = dict(optimizer=dict(lr=1.0))
auto_scale_lr = dict(base_batch_size=2048)
# The appendix says "the last few epochs"; five is a choice of this project.
custom_hooks = [dict(type='senet_mm.FreezeNormHook', last_epochs=5)]
