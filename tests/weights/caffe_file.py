"""Caffe files written byte by byte, from protobuf's wire format and caffe.proto's field numbers; no protobuf package.

https://protobuf.dev/programming-guides/encoding: a field is a varint number·8 + kind and its value; kind 0 is a varint,
1 eight bytes, 2 a length and as many bytes, 5 four bytes.
"""

import struct


def varint(number):
    parts = []
    while number > 127:
        parts.append(number % 128 + 128)
        number //= 128
    return bytes([*parts, number])


def field(number, value):
    """A field with an int, a text or bytes, e.g. another message."""
    if isinstance(value, int):
        return varint(number * 8) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number * 8 + 2) + varint(len(value)) + value


def packed(tensor):
    """The field `data` of a BlobProto. NumPy writes the same bytes as struct.pack('<…f'), faster."""
    return field(5, tensor.detach().float().contiguous().numpy().astype('<f4').tobytes())


def blob(tensor, layout='shape'):
    """BlobProto: `layout` is 'shape', 'legacy' for four numbers, 'unpacked' or 'double'."""
    values = tensor.flatten().tolist()
    shape = list(tensor.shape)
    if layout == 'legacy':
        four = [1] * (4 - len(shape)) + shape
        head = b''.join(field(number, size) for number, size in enumerate(four, 1))
    else:
        head = field(7, field(1, b''.join(varint(size) for size in shape)))
    if layout == 'unpacked':
        return head + b''.join(varint(5 * 8 + 5) + struct.pack('<f', value) for value in values)
    if layout == 'double':
        return head + field(8, struct.pack(f'<{len(values)}d', *values))
    return head + packed(tensor)


def layer(name, kind, tensors, layout='shape', version=2, **parameters):
    """LayerParameter (version 2) or V1LayerParameter with blobs; `parameters`: stride, pad, eps."""
    names = dict(name=1, type=2, blobs=7, conv=106, pool=121, norm=139)
    if version == 1:
        names = dict(name=4, type=5, blobs=6, conv=10, pool=19)
        kind = dict(Convolution=4, InnerProduct=14, Pooling=17).get(kind, 0)
    content = field(names['name'], name) + field(names['type'], kind)
    content += b''.join(field(names['blobs'], blob(tensor, layout)) for tensor in tensors)
    if 'stride' in parameters:
        content += field(names['conv'], field(1, 64) + field(6, parameters['stride']))
    if 'pad' in parameters:
        content += field(names['pool'], field(4, parameters['pad']))
    if 'eps' in parameters:
        content += field(names['norm'], varint(3 * 8 + 5) + struct.pack('<f', parameters['eps']))
    return field(100 if version == 2 else 2, content)


def net(name, layers):
    """NetParameter: a whole file."""
    return field(1, name) + b''.join(layers)
