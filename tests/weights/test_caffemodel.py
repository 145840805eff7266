"""Caffe files of every layout, written byte by byte."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from senet_mm.data.errors import DataError
from senet_mm.weights.caffemodel import looks_like_caffemodel, read_caffemodel
from tests.weights.caffe_file import field, layer, net, packed


def read(folder, content):
    path = folder / 'net.caffemodel'
    path.write_bytes(content)
    return read_caffemodel(path)


@settings(max_examples=30, deadline=None)
@given(
    shape=st.lists(st.integers(1, 5), min_size=1, max_size=4),
    layout=st.sampled_from(['shape', 'legacy', 'unpacked', 'double']),
    version=st.sampled_from([1, 2]),
    stride=st.integers(1, 3),
)
def test_every_layout_gives_the_same_values(tmp_path_factory, shape, layout, version, stride):
    values = torch.randn(shape)
    folder = tmp_path_factory.mktemp('caffe')
    model = read(folder, net('n', [layer('conv', 'Convolution', [values], layout, version, stride=stride)]))
    (found,) = model.layers
    assert (model.name, found.name, found.stride) == ('n', 'conv', stride)
    (tensor,) = found.blobs
    assert tensor.dtype == torch.float32
    assert torch.equal(tensor.flatten(), values.flatten())
    if layout == 'legacy':  # leading ones are padding there
        while len(shape) > 1 and shape[0] == 1:
            shape = shape[1:]
    assert list(tensor.shape) == shape


def test_packed_values_may_come_in_several_pieces(tmp_path):
    first, second = torch.tensor([1.0, 2.0]), torch.tensor([3.0])
    pieces = field(7, field(1, b'\x03')) + packed(first) + packed(second)
    model = read(tmp_path, net('n', [field(100, field(1, 'a') + field(7, pieces))]))
    assert model.layers[0].blobs[0].tolist() == [1.0, 2.0, 3.0]


def test_options_are_read_and_other_fields_skipped(tmp_path):
    content = net('n', [layer('a', 'BatchNorm', [torch.ones(2)], eps=0.001), layer('p', 'Pooling', [], pad=1)])
    model = read(tmp_path, content + field(4, 224) + field(100, field(3, 'bottom') + field(106, b'') + field(9, b'')))
    norm, pool, empty = model.layers
    assert norm.eps == pytest.approx(0.001)
    assert (pool.pad, pool.eps, pool.stride) == (1, 1e-5, None)
    assert (empty.name, empty.blobs) == ('', ())
    assert model.layer('p') is pool
    assert model.layer('q') is None


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (net('n', [layer('conv', 'Convolution', [torch.ones(8)])])[:-3], 'cut off or is no .caffemodel'),
        (b'\x0a\xff\xff', 'cut off or is no .caffemodel'),
        (net('n', [layer('data', 'Input', [])]), 'holds no weights: no layer'),
        (net('n', [field(100, field(1, 'a') + field(7, field(7, field(1, b'\x03')) + packed(torch.ones(2))))]),
         r'a has 2 values for the shape \(3,\); the file is damaged'),
    ],
)  # fmt: skip
def test_damaged_files_say_so(tmp_path, content, message):
    with pytest.raises(DataError, match=message):
        read(tmp_path, content)


def test_checkpoints_of_torch_do_not_look_like_caffes(tmp_path):
    for name, options in (('zip.pth', {}), ('old.pth', dict(_use_new_zipfile_serialization=False))):
        torch.save(dict(a=torch.ones(2)), tmp_path / name, **options)
        assert not looks_like_caffemodel((tmp_path / name).read_bytes()[:8])
    assert looks_like_caffemodel(net('n', [])[:8])
    assert looks_like_caffemodel(layer('a', 'Input', [])[:8])
    assert looks_like_caffemodel(layer('a', 'Input', [], version=1)[:8])
