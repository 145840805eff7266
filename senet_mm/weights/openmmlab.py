"""OpenMMLab's checkpoints and those of our own runs: classifiers and detectors; also bare backbones.

Within a residual backbone the names are ours, with the exceptions below; SE's, ShuffleNet's and the like are renamed by
the networks themselves as they load. A run's options and normalisation are in its config, which the file has as text:
models/pretrained.py reads them there.
"""

from senet_mm.weights.source import Source

# mmpretrain's deep stem is made of three layers with convolution and normalisation, mmdet's and ours is one list.
DEEP_STEM = tuple(
    (rf'^stem\.{layer}\.{part}\.', f'stem.{3 * layer + offset}.')
    for layer in (2, 1, 0)
    for offset, part in enumerate(('conv', 'bn'))
)
# In a ResNet-D the shortcut of layer1 has no pooling there; here it has one that does nothing, and the names move up.
UNPOOLED = (
    (r'^layer1\.0\.downsample\.1\.', 'layer1.0.downsample.2.'),
    (r'^layer1\.0\.downsample\.0\.', 'layer1.0.downsample.1.'),
)
RUN = Source('openmmlab', 'an OpenMMLab run', marks=(), rules=())  # the keys begin with `backbone.`
SOURCES = (
    Source(
        RUN.name,
        RUN.title,
        marks=(r'layer1\.0\.downsample\.0\.', r'layer2\.0\.downsample\.2\.'),
        rules=(*DEEP_STEM, *UNPOOLED),
    ),
    Source(RUN.name, RUN.title, marks=(r'stem\.0\.conv\.',), rules=DEEP_STEM),
)
BARE = Source('state_dict', 'a plain state dict', marks=(), rules=())  # what no source recognises
