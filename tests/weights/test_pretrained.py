"""init_cfg=dict(type='Pretrained'): anybody's weights as they are; what does not fit is an error with advice."""

import shutil

import pytest
import torch
from mmengine.model import BaseModule, PretrainedInit

from senet_mm.data.errors import DataError
from senet_mm.engine import checkpoint
from senet_mm.models import ResNet, SEResNet
from senet_mm.models.pretrained import trained_options
from senet_mm.weights import reading
from senet_mm.weights.source import WeightsError
from tests.weights.helpers import trained
from tests.weights.test_caffe import caffe_net

timm = pytest.importorskip('timm')


def pretrained(path, **options):
    return dict(type='Pretrained', checkpoint=str(path), **options)


def assert_same(backbone, network):
    """Our backbone has the same maps as a residual network of timm's."""
    x = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        expected = network.forward_features(x)
        ours = backbone.eval()(x)[-1]
    assert (ours - expected).norm() <= 1e-5 * expected.norm()


@pytest.fixture(scope='module')
def released(tmp_path_factory):
    """A SE-ResNet-50 as Caffe and Cadene's port have it: the network, and a folder with its files."""
    torch.manual_seed(0)
    network = trained(timm.create_model('legacy_seresnet50', pretrained=False))
    folder = tmp_path_factory.mktemp('released')
    (folder / 'caffe').write_bytes(caffe_net(network))
    torch.save(network.state_dict(), folder / 'cadene')
    yield network, folder
    shutil.rmtree(folder)


@pytest.mark.parametrize(('name', 'prefix'), [('caffe', 'backbone.'), ('cadene', None)])
def test_ports_and_originals_are_converted_as_they_load(released, name, prefix):
    """`prefix` is there in the detectors' configs, whose other weights are runs'."""
    network, folder = released
    backbone = SEResNet(50, style='caffe', ceil_pool=True, init_cfg=pretrained(folder / name, prefix=prefix))
    backbone.init_weights()
    assert_same(backbone, network)


def test_weights_come_after_the_parts_own_initialisation(released):
    """SE blocks have an init_cfg of their own, which mmengine runs, too."""
    network, folder = released
    init_cfg = [
        pretrained(folder / 'cadene', allow_unused=['layer3', 'layer4']),
        dict(type='Kaiming', layer='Conv2d'),
    ]
    detector = BaseModule()
    detector.backbone = SEResNet(50, num_stages=2, style='caffe', ceil_pool=True, init_cfg=init_cfg)
    detector.init_weights()
    for name in ('fc1', 'fc2'):
        ours, theirs = (
            getattr(block, name).weight for block in (detector.backbone.layer1[0].se, network.layer1[0].se_module)
        )
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize('kind', ['Pretrained', 'senet_mm.Pretrained', PretrainedInit])
def test_every_way_to_say_pretrained_leads_here(kind):
    init_cfg = [dict(type='Constant', layer='Conv2d', val=0), dict(type=kind, checkpoint='nowhere.pth')]
    with pytest.raises(DataError, match=r'there is no checkpoint nowhere\.pth'):
        ResNet(18, num_stages=1, init_cfg=init_cfg).init_weights()


def test_the_file_is_read_once(tmp_path, monkeypatch):
    torch.save(ResNet(18).state_dict(), tmp_path / 'file.pth')
    reads = []

    def counting(*args, **kwargs):
        reads.append(args)
        return checkpoint.load_checkpoint(*args, **kwargs)

    monkeypatch.setattr(reading, 'load_checkpoint', counting)
    ResNet(18, init_cfg=pretrained(tmp_path / 'file.pth')).init_weights()
    assert len(reads) == 1


def run(network, path, prefix='backbone.', **options):
    """Save `network` as a run of ours with these options of its backbone does."""
    state = {f'{prefix}{key}': value for key, value in network.state_dict().items()}
    text = ', '.join(f'{name}={value!r}' for name, value in options.items())
    cfg = f"model = dict(backbone=dict(type='senet_mm.ResNet', {text}), neck=dict(type='GlobalAveragePooling'))\n"
    torch.save(dict(meta=dict(cfg=cfg), state_dict={**state, 'head.fc.weight': torch.zeros(2, 3)}), path)
    return path


@pytest.mark.parametrize(
    ('theirs', 'ours', 'message'),
    [
        (dict(style='caffe'), dict(), r"trained with style='caffe', this backbone has style='pytorch': add "
                                      r'--cfg-options model.backbone.style=caffe$'),
        (dict(), dict(style='caffe'), r"trained with style='pytorch', this backbone has style='caffe'"),
        (dict(ceil_pool=True), dict(), r'with ceil_pool=True, this backbone has ceil_pool=False: .*ceil_pool=True$'),
        (dict(se=dict(ratio=16, gate='tanh')), dict(se=dict()), r"se.gate='tanh', this .* se.gate='sigmoid': add "
                                                                r'--cfg-options model.backbone.se.gate=tanh$'),
        (dict(style='caffe', ceil_pool=True), dict(), r"style='caffe', ceil_pool=True, this backbone has "
                                                      r"style='pytorch', ceil_pool=False"),
    ],
)  # fmt: skip
def test_what_computes_something_else_is_refused(tmp_path, theirs, ours, message):
    network = ResNet(50, num_stages=2, **theirs)
    init_cfg = pretrained(run(network, tmp_path / 'run.pth', **theirs))
    with pytest.raises(WeightsError, match=message):
        ResNet(50, num_stages=2, **ours, init_cfg=init_cfg).init_weights()
    backbone = ResNet(50, num_stages=2, **theirs, init_cfg=init_cfg)
    backbone.init_weights()
    assert all(torch.equal(value, network.state_dict()[key]) for key, value in backbone.state_dict().items())


def test_style_is_nothing_to_basic_blocks(tmp_path):
    network = ResNet(18)
    init_cfg = pretrained(run(network, tmp_path / 'run.pth', style='pytorch'))
    ResNet(18, style='caffe', init_cfg=init_cfg).init_weights()


@pytest.mark.parametrize('name', ['caffe', 'cadene'])
def test_foreign_weights_have_the_style_of_their_source(released, name):
    with pytest.raises(WeightsError, match=r"style='caffe', ceil_pool=True, .* model.backbone.style=caffe model.back"):
        SEResNet(50, num_stages=1, init_cfg=pretrained(released[1] / name)).init_weights()


def test_plain_weights_into_a_network_with_se(tmp_path, monkeypatch):
    """`--cfg-options model.backbone.se.ratio=8` on a plain config: the SE blocks start untrained, and it is said."""
    plain = ResNet(18)
    path = run(plain, tmp_path / 'run.pth')
    expected = plain.state_dict()
    said = []
    monkeypatch.setattr('senet_mm.weights.pretrained.print_log', lambda text, **_: said.append(text))
    for options, warns in ((dict(), True), (dict(allow_missing='se'), False)):
        said.clear()
        backbone = SEResNet(18, init_cfg=pretrained(path, **options))
        backbone.init_weights()
        state = backbone.state_dict()
        assert all(torch.equal(value, expected[key]) for key, value in state.items() if '.se.' not in key)
        assert ('is of a network without SE: the 32 parameters of the SE blocks keep' in said[0]) is warns
    with pytest.raises(WeightsError) as error:
        SEResNet(18, init_cfg=pretrained(path, allow_missing=())).init_weights()
    assert '  32 missing from the file: layer1.{0-1}.se.fc1.{weight,bias}, layer1.{0-1}.se.fc2.' in str(error.value)
    assert 'The file is of a network without SE' in str(error.value)
    assert str(error.value).endswith('--cfg-options model.backbone.init_cfg.allow_missing=se')


def test_weights_with_se_into_a_plain_network(tmp_path):
    path = run(SEResNet(18), tmp_path / 'run.pth')
    with pytest.raises(
        WeightsError, match=r'The file is of a network with SE, this one has none: set model\.backbone\.se'
    ):
        ResNet(18, init_cfg=pretrained(path)).init_weights()
    ResNet(18, init_cfg=pretrained(path, allow_unused='se')).init_weights()
    with pytest.raises(WeightsError, match=r'of another shape: .*\nThe SE blocks have another width'):
        SEResNet(18, se=dict(ratio=8), init_cfg=pretrained(path)).init_weights()


def test_fewer_stages(tmp_path):
    path = run(ResNet(18), tmp_path / 'run.pth')
    with pytest.raises(WeightsError, match=r'init_cfg.allow_unused="\[layer3,layer4\]"$'):
        ResNet(18, num_stages=2, init_cfg=pretrained(path)).init_weights()
    ResNet(18, num_stages=2, init_cfg=pretrained(path, allow_unused=['layer3', 'layer4'])).init_weights()


def test_another_architecture_lists_what_differs(tmp_path):
    path = run(ResNet(18), tmp_path / 'run.pth')
    with pytest.raises(WeightsError, match=r'does not fit ResNet:\n  \d+ missing from the file: layer1.2.conv1.weight'):
        ResNet(34, init_cfg=pretrained(path)).init_weights()


@pytest.mark.parametrize('prefix', ['detector.backbone', 'detector.backbone.'])
def test_prefix_as_in_mmengine(tmp_path, prefix):
    network = ResNet(18)
    path = run(network, tmp_path / 'run.pth', prefix='detector.backbone.')
    ResNet(18, init_cfg=pretrained(path, prefix=prefix)).init_weights()
    with pytest.raises(WeightsError, match=r"no name in it begins with the prefix 'elsewhere\.'"):
        ResNet(18, init_cfg=pretrained(path, prefix='elsewhere')).init_weights()


def test_options_are_read_without_executing_anything():
    text = "x = 1\nmodel = dict(backbone=dict(depth=50, se=dict(ratio=8), a=f(), **y, style='caffe'))\nm = dict(a=2)"
    assert trained_options(dict(meta=dict(cfg=text))) == dict(depth=50, se=dict(ratio=8), style='caffe')
    assert trained_options(dict(meta=dict(config=text)), 'm') == dict(a=2)
    assert trained_options(dict(meta=dict(cfg=text)), 'neck') == {}
    assert trained_options(dict(meta=None)) == {}
