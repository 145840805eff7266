"""Every network of the ImageNet configs on the demo's pictures, and every pyramid under Faster R-CNN."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope

from senet_mm.compat.mmpretrain_import import import_without_mmdet

pytestmark = pytest.mark.slow

RECIPES = ('_released_', '_augmented_', '_320_')  # of networks that have another config
CONFIGS = [
    path
    for path in sorted((Path(__file__).parents[2] / 'configs').glob('*_imagenet.py'))
    if not any(recipe in path.name for recipe in RECIPES)
]
PYRAMIDS = {  # backbone options whose maps serve an FPN; the others' are the default
    'senet_mm.VGG': dict(depth=16, out_indices=(1, 2, 3, 4)),
    'senet_mm.BNInception': dict(out_indices=(0, 1, 2, 3)),
    'senet_mm.InceptionResNetV2': dict(out_indices=(0, 1, 2), align_feature_maps=True),
    'senet_mm.MobileNetV1': dict(out_indices=(1, 2, 3, 4)),
    'senet_mm.ShuffleNetV1': dict(out_indices=(0, 1, 2)),
    'senet_mm.DenseNet': dict(depth=121, out_indices=(0, 1, 2, 3)),
    'senet_mm.ResNeXt': dict(depth=50, out_indices=(0, 1, 2, 3)),
}


@pytest.fixture(scope='module')
def pictures(demo):
    """Ten pictures of digits (10,3,96,96), normalised, and their labels (10,)."""
    import numpy as np
    from PIL import Image

    files = [line.split() for line in (demo / 'imagenet' / 'meta' / 'train.txt').read_text().splitlines()[:10]]
    arrays = [
        np.asarray(Image.open(demo / 'imagenet' / 'train' / name).convert('RGB').resize((96, 96))) for name, _ in files
    ]
    images = torch.tensor(np.stack(arrays)).permute(0, 3, 1, 2).float()
    return (images - 120) / 58, torch.tensor([int(label) for _, label in files])


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_classifier_trains(path, pictures):
    import_without_mmdet()
    from mmpretrain.structures import DataSample

    init_default_scope('mmpretrain')
    cfg = Config.fromfile(path).model
    cfg.head.update(num_classes=10, topk=(1,))
    torch.manual_seed(0)
    classifier = MODELS.build(cfg)
    classifier.init_weights()
    for module in classifier.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0  # so that the loss of a step is that of its weights
    images, labels = pictures
    samples = [DataSample().set_gt_label(int(label)) for label in labels]
    optimizer = torch.optim.AdamW(classifier.parameters(), lr=5e-5)
    losses = []
    for _ in range(4):
        loss = classifier(images, samples, mode='loss')['loss']
        optimizer.zero_grad()
        loss.backward()
        assert all(
            parameter.grad is not None and parameter.grad.isfinite().all() for parameter in classifier.parameters()
        )
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0], losses


@pytest.mark.parametrize('kind', PYRAMIDS)
@pytest.mark.parametrize('se', [None, dict(ratio=16)], ids=['plain', 'se'])
def test_backbone_serves_faster_rcnn(kind, se, demo):
    from mmdet.registry import MODELS as MMDET_MODELS
    from mmdet.structures import DetDataSample
    from mmengine.structures import InstanceData

    init_default_scope('mmdet')
    backbone = dict(type=kind, se=se, **PYRAMIDS[kind])
    built = MODELS.build(backbone)
    cfg = Config.fromfile('configs/demo/faster_rcnn_r50_demo.py').model
    cfg.backbone = backbone
    cfg.neck.in_channels = list(built.out_channels)
    strides = [built.strides[0] * 2**level for level in range(5)]
    cfg.rpn_head.anchor_generator.strides = strides
    cfg.roi_head.bbox_roi_extractor.featmap_strides = strides[:4]
    detector = MMDET_MODELS.build(cfg)
    sample = DetDataSample(metainfo=dict(img_shape=(128, 160), ori_shape=(128, 160), pad_shape=(128, 160)))
    sample.gt_instances = InstanceData(bboxes=torch.tensor([[20.0, 30.0, 80.0, 110.0]]), labels=torch.tensor([3]))
    losses = detector.loss(torch.randn(1, 3, 128, 160), [sample])
    total = sum(sum(value) if isinstance(value, list) else value for name, value in losses.items() if 'loss' in name)
    assert torch.isfinite(total)
    total.backward()
    assert all(parameter.grad is not None for parameter in detector.backbone.parameters())
