"""configs/*_released_imagenet.py on converted Caffe files: from a picture's bytes to Caffe's logits, colours too."""

import pytest
import torch
from mmengine.config import Config

from senet_mm.compat.mmpretrain_import import import_without_mmdet
from senet_mm.engine.provenance import check_preprocessing
from senet_mm.weights.convert import convert, write
from tests.weights.helpers import trained
from tests.weights.test_caffe import caffe_net

timm = pytest.importorskip('timm')
import_without_mmdet()
from mmpretrain.registry import MODELS  # noqa: E402


@torch.no_grad()
@pytest.mark.parametrize(
    ('stem', 'name'),
    [
        ('se_resnet50', 'legacy_seresnet50'),
        ('se_resnext50_32x4d', 'legacy_seresnext50_32x4d'),
        pytest.param('se_resnet101', 'legacy_seresnet101', marks=pytest.mark.slow),
        pytest.param('se_resnet152', 'legacy_seresnet152', marks=pytest.mark.slow),
        pytest.param('se_resnext101_32x4d', 'legacy_seresnext101_32x4d', marks=pytest.mark.slow),
        pytest.param('senet154', 'legacy_senet154', marks=pytest.mark.slow),
    ],
)
def test_the_config_gives_the_networks_logits(tmp_path, stem, name):
    torch.manual_seed(0)
    network = trained(timm.create_model(name, pretrained=False))
    path = tmp_path / 'released.caffemodel'
    path.write_bytes(caffe_net(network))
    config = f'configs/{stem}_released_imagenet.py'
    cfg = Config.fromfile(config)
    classifier = MODELS.build(
        dict(cfg.model, data_preprocessor=dict(type='ClsDataPreprocessor', **cfg.data_preprocessor))
    )
    checkpoint = torch.load(write(convert(path, config=config), tmp_path / 'converted.pth'), weights_only=True)
    check_preprocessing(checkpoint, cfg)
    classifier.load_state_dict(checkpoint['state_dict'])
    classifier.backbone.eval()
    picture = torch.randint(0, 256, (3, 224, 224), dtype=torch.uint8)  # blue, green, red, as OpenCV and Caffe read it
    data = classifier.data_preprocessor(dict(inputs=[picture]))
    ours = classifier.eval().head(classifier.extract_feat(data['inputs']))
    expected = network(picture[None].float() - torch.tensor([104.0, 117.0, 123.0])[:, None, None])
    assert (ours - expected).norm() <= 1e-5 * expected.norm()
