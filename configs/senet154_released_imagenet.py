# SENet-154 as the authors released it (Caffe), to be tested: its input, pooling and strides.
#
#   tools/convert_weights.py SENet-154.caffemodel data/weights/
#   tools/test.py configs/senet154_released_imagenet.py data/weights/<the file it names>
#
# Expected: five minutes on one A100 (an estimate).
# Paper:    top-1 / top-5 error 18.68 / 4.47 % (Table 8); the README of these weights has the same.
#
# The options are those of resnext152_64x4d_imagenet.py; its dropout does nothing in a test.
_base_ = './se_resnext50_32x4d_released_imagenet.py'
model = dict(
    backbone=dict(
        depth=152,
        groups=64,
        deep_stem=True,
        stem_channels=128,
        halve_first=True,
        projection_kernel=3,
    )
)
