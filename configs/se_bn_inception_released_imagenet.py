# SE-BN-Inception as the authors released it (Caffe), to be tested: its input, pooling and strides.
#
#   tools/convert_weights.py SE-BN-Inception.caffemodel data/weights/
#   tools/test.py configs/se_bn_inception_released_imagenet.py data/weights/<the file it names>
#
# Expected: two minutes on one A100 (an estimate).
# Paper:    none for these weights, which were trained after it; their README has top-1 / top-5 error 23.62 / 7.04 %.
_base_ = [
    '_base_/models/bn_inception_classifier.py',
    '_base_/datasets/imagenet_224_released.py',
    '_base_/classification_runtime.py',
]
model = dict(backbone=dict(se=dict(ratio=16)))
