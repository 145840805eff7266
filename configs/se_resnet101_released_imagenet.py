# SE-ResNet-101 as the authors released it (Caffe), to be tested: its input, pooling and strides.
#
#   tools/convert_weights.py SE-ResNet-101.caffemodel data/weights/
#   tools/test.py configs/se_resnet101_released_imagenet.py data/weights/<the file it names>
#
# Expected: three minutes on one A100 (an estimate).
# Paper:    none for these weights, which were trained after it; their README has top-1 / top-5 error 21.75 / 5.72 %.
_base_ = './se_resnet50_released_imagenet.py'
model = dict(backbone=dict(depth=101))
