# SE-RegNetX-400MF on ImageNet: an SE block in a network that knows nothing of SE, by one option.
#
#   tools/dist_train.sh configs/se_regnetx_400mf_imagenet.py 8
#   (fewer GPUs: add --accumulate)
#
# Expected: about 9 hours on 8 A100 (an estimate).
# Paper:    none; SENet has no number for RegNet. RegNet's own variant with SE, RegNetY, has the block after the 3×3.
_base_ = './regnetx_400mf_imagenet.py'
model = dict(backbone=dict(se=dict(ratio=16)))
