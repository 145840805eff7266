# SE-ResNeXt-50 (32×4d) as the authors released it (Caffe), to be tested: its input, pooling and strides.
#
#   tools/convert_weights.py SE-ResNeXt-50.caffemodel data/weights/
#   tools/test.py configs/se_resnext50_32x4d_released_imagenet.py data/weights/<the file it names>
#
# Expected: two minutes on one A100 (an estimate).
# Paper:    none for these weights, which were trained after it; their README has top-1 / top-5 error 20.97 / 5.54 %.
_base_ = './se_resnet50_released_imagenet.py'
model = dict(backbone=dict(type='senet_mm.ResNeXt', style='pytorch'))
