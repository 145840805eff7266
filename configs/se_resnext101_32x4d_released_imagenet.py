# SE-ResNeXt-101 (32×4d) as the authors released it (Caffe), to be tested: its input, pooling and strides.
#
#   tools/convert_weights.py SE-ResNeXt-101.caffemodel data/weights/
#   tools/test.py configs/se_resnext101_32x4d_released_imagenet.py data/weights/<the file it names>
#
# Expected: three minutes on one A100 (an estimate).
# Paper:    none for these weights, which were trained after it; their README has top-1 / top-5 error 19.81 / 4.96 %.
_base_ = './se_resnext50_32x4d_released_imagenet.py'
model = dict(backbone=dict(depth=101))
