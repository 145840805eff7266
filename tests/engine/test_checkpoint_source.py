"""Where checkpoints come from, without a network: what is fetched, from where, and when not."""

import hashlib
import io
import re
from urllib.error import HTTPError

import pytest
import torch
from mmengine.runner import get_external_models, get_mmcls_models

from senet_mm.data.errors import DataError
from senet_mm.engine import checkpoint_source
from senet_mm.engine.checkpoint import load_checkpoint, load_from_weights_only
from senet_mm.engine.checkpoint_source import HASH, locate


class Web:
    """Answers every address with `content`."""

    def __init__(self, monkeypatch, folder, content):
        self.content, self.asked, self.final, self.size = content, [], None, None
        monkeypatch.setenv('TORCH_HOME', str(folder))
        monkeypatch.setattr(checkpoint_source, 'urlopen', self.open)
        monkeypatch.setattr(torch.hub, 'download_url_to_file', self.download)

    def open(self, address, timeout):
        assert timeout
        answer = io.BytesIO()
        answer.geturl = lambda: self.final or address
        answer.headers = {'Content-Length': str(self.size or len(self.content))}
        return answer

    def download(self, address, path):
        self.asked.append(address)
        with open(path, 'wb') as file:
            file.write(self.content)


@pytest.fixture
def web(monkeypatch, tmp_path):
    content = io.BytesIO()
    torch.save({'state_dict': {'backbone.conv1.weight': torch.ones(1), 'head.fc.bias': torch.zeros(1)}}, content)
    return Web(monkeypatch, tmp_path, content.getvalue())


def test_an_address_is_fetched_once_into_torchs_cache(web, tmp_path):
    name = f'resnet50-{hashlib.sha256(web.content).hexdigest()[:8]}.pth'
    for _ in range(2):
        path = locate(f'https://a.org/models/{name}?version=2')
    assert path == tmp_path / 'hub' / 'checkpoints' / name
    assert path.read_bytes() == web.content
    assert web.asked == [f'https://a.org/models/{name}?version=2']
    assert 'head.fc.bias' in load_checkpoint(f'https://a.org/models/{name}')['state_dict']


def test_content_that_is_not_what_the_name_says_is_not_kept(web, tmp_path):
    address = 'https://a.org/resnet50-0a1b2c3d.pth'
    with pytest.raises(DataError, match=f'{address}: its sha256 is not 0a1b2c3d'):
        locate(address)
    cached = tmp_path / 'hub' / 'checkpoints' / 'resnet50-0a1b2c3d.pth'
    assert not cached.exists()
    cached.write_bytes(b'put there by something else')  # that does not look at hashes
    with pytest.raises(DataError, match='its sha256 is not 0a1b2c3d'):
        locate(address)


def test_files_of_one_name_and_two_addresses_are_two(web):
    first = locate('https://a.org/epoch_100.pth')
    web.content = b'another'
    second = locate('https://b.org/epoch_100.pth')
    assert first != second
    assert second.read_bytes() == b'another'
    assert first.name.endswith('_epoch_100.pth')


@pytest.mark.parametrize(
    ('name', 'digest'),
    [
        ('resnet50-19c8e357.pth', '19c8e357'),
        ('resnet50_8xb32_in1k_20210831-ea4938fc.pth', 'ea4938fc'),
        ('model-' + 'a' * 64 + '.safetensors', 'a' * 64),
        ('seresnet50-0a1b2c3d.pth.tar', '0a1b2c3d'),
        ('se-resnet-50.pth', None),
        ('faster-rcnn_r50.pth', None),
        ('htc-20181008.pth', None),
    ],
)
def test_which_part_of_a_name_is_a_hash(name, digest):
    match = HASH.search(name)
    assert (match and match[1]) == digest


def test_http_is_refused(web):
    with pytest.raises(DataError, match=re.escape('use https://a.org/epoch_1.pth')):
        locate('http://a.org/epoch_1.pth')
    web.final = 'http://b.org/epoch_1.pth'
    with pytest.raises(DataError, match=r'leads to http://b\.org/epoch_1\.pth: checkpoints are fetched over https'):
        locate('https://a.org/epoch_1.pth')
    assert web.asked == []


def test_what_cannot_be_fetched_is_named(web, monkeypatch):
    def fail(address, timeout):
        raise HTTPError(address, 404, 'Not Found', {}, None)

    monkeypatch.setattr(checkpoint_source, 'urlopen', fail)
    with pytest.raises(DataError, match=r'https://a\.org/x\.pth cannot be fetched .*404.*: fetch it by other means'):
        locate('https://a.org/x.pth')


def test_what_came_incomplete_is_not_kept(web):
    web.size = len(web.content) + 1
    with pytest.raises(DataError, match='came incomplete and was not kept'):
        locate('https://a.org/epoch_1.pth')
    web.size = None
    assert locate('https://a.org/epoch_1.pth').read_bytes() == web.content
    assert len(web.asked) == 2


def test_names_that_mmengine_knows_an_address_for(web):
    web.content = b''
    for scheme in ('openmmlab', 'open-mmlab'):
        with pytest.raises(DataError, match='its sha256 is not 788b5fa3'):
            locate(f'{scheme}://detectron/resnet50_caffe')
    with pytest.raises(DataError, match='its sha256 is not'):
        locate('mmcls://vgg11')
    with pytest.raises(DataError, match='its sha256 is not 0676ba61'):
        locate('torchvision://resnet50')
    resnet50 = get_external_models()['detectron/resnet50_caffe']
    assert web.asked[:3] == [resnet50, resnet50, get_mmcls_models()['vgg11']]
    with pytest.raises(DataError, match='openmmlab://resnet51: mmengine knows no checkpoint of this name'):
        locate('openmmlab://resnet51')


def test_mmcls_names_mean_the_backbone(web, monkeypatch):
    monkeypatch.setattr(checkpoint_source, 'get_mmcls_models', lambda: {'vgg11': 'https://a.org/vgg11.pth'})
    assert load_from_weights_only('mmcls://vgg11') == {'state_dict': {'conv1.weight': torch.ones(1)}}
