# SE-ResNet-50 as the authors released it (Caffe), to be tested: its input, pooling and strides.
#
#   tools/convert_weights.py SE-ResNet-50.caffemodel data/weights/
#   tools/test.py configs/se_resnet50_released_imagenet.py data/weights/<the file it names>
#
# Expected: two minutes on one A100 (an estimate).
# Paper:    none for these weights, which were trained after it; their README has top-1 / top-5 error 22.37 / 6.36 %.
_base_ = [
    '_base_/models/resnet50_classifier.py',
    '_base_/datasets/imagenet_224_released.py',
    '_base_/classification_runtime.py',
]
model = dict(backbone=dict(se=dict(ratio=16), ceil_pool=True))
