"""torchvision's resnet, resnext, wide_resnet, vgg*_bn and densenet; timm's resnet50, resnext50_32x4d, … are alike."""

from dataclasses import replace

from senet_mm.weights.source import RGB_IMAGENET, Source
from senet_mm.weights.timm import ANTI_ALIASED

RESNET = Source(
    name='torchvision',
    title='torchvision',
    marks=(r'conv1\.weight', r'layer1\.0\.conv1\.', r'fc\.'),
    rules=((r'^fc\.', 'head.fc.'),),
    styles=('pytorch', 'pytorch'),
    ceil_pool=False,
    refused_files=(ANTI_ALIASED,),
    input=RGB_IMAGENET,
)
VGG = replace(
    RESNET,
    marks=(r'features\.0\.', r'classifier\.6\.'),
    rules=tuple((rf'^classifier\.{3 * layer}\.', f'head.layers.{layer}.fc.') for layer in range(3)),
)
DENSENET = replace(
    RESNET,
    marks=(r'features\.denseblock1\.', r'classifier\.'),
    rules=((r'^classifier\.', 'head.fc.'), (r'\.(norm|conv)\.([12])\.', r'.\1\2.')),  # the latter in older files
)
SOURCES = (RESNET, VGG, DENSENET)
