"""Cadene's pretrained-models.pytorch, today timm's `legacy_seresnet18` … `legacy_senet154`: ports from Caffe."""

from dataclasses import replace

from senet_mm.weights.source import CROP_224, RGB_IMAGENET, Source

RULES = (
    (r'\.se_module\.', '.se.'),
    (r'^last_linear\.', 'head.fc.'),
)
DEEP_STEM = tuple(
    (rf'^layer0\.{kind}{number}\.', f'stem.{3 * (number - 1) + offset}.')
    for number in (1, 2, 3)
    for offset, kind in enumerate(('conv', 'bn'))
)
CADENE = Source(
    name='cadene',
    title='Cadene’s port (timm legacy)',
    marks=(r'layer0\.conv1\.',),
    rules=((r'^layer0\.', ''), *RULES),
    styles=('caffe', 'pytorch'),
    ceil_pool=True,
    branch_relu=True,
    input=dict(RGB_IMAGENET, **CROP_224),
)
SENET_154 = replace(CADENE, marks=(r'layer0\.conv3\.',), rules=(*DEEP_STEM, *RULES))
SOURCES = (SENET_154, CADENE)
