"""timm's `seresnet50`, `seresnext101_32x8d`, `senet154`, … and its plain ResNets with a deep stem (`resnet50d`).

Their SE blocks are named as ours. timm's hidden widths are multiples of 8, ours C // r: with bottlenecks the two agree,
with basic blocks (`seresnet18`) they do not. A tiered stem (`seresnet50t`) is not among our options.
"""

from dataclasses import replace

from senet_mm.weights.source import RGB_IMAGENET, Source

HEAD = (r'^fc\.', 'head.fc.')
# Weights do not show it, names do: seresnextaa101d_32x8d, resnetblur50.
ANTI_ALIASED = (
    r'res(net|next)(aa|blur)',
    'its strided convolutions are anti-aliased by a pooling without weights, ours are not',
)
TIMM = Source(
    name='timm',
    title='timm',
    marks=(r'conv1\.weight', r'layer\d\.0\.se\.fc1\.', r'fc\.'),
    rules=(HEAD,),
    styles=('pytorch', 'pytorch'),
    ceil_pool=False,
    refused_files=(ANTI_ALIASED,),
    input=RGB_IMAGENET,
)
DEEP_STEM = replace(
    TIMM,
    marks=(r'conv1\.0\.', r'fc\.'),
    rules=((r'^conv1\.', 'stem.'), (r'^bn1\.', 'stem.7.'), HEAD),  # conv1.0 … conv1.6 are all but the last norm
)
SOURCES = (DEEP_STEM, TIMM)
