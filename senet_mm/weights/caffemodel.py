"""Reading `.caffemodel` files: Caffe's NetParameter message, of which only what weights need is described here."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from senet_mm.data.errors import DataError

# Message → its fields: name, number, type, whether there are several; from src/caffe/proto/caffe.proto of BVLC/caffe.
# Fields that are not here are skipped. `layers` is the layout of 2014 (V1), with its types as numbers.
MESSAGES: dict[str, tuple[tuple[str, int, str, bool], ...]] = {
    'BlobShape': (('dim', 1, 'int64', True),),
    'BlobProto': (
        ('num', 1, 'int32', False),  # the shape before there was BlobShape: always four numbers
        ('channels', 2, 'int32', False),
        ('height', 3, 'int32', False),
        ('width', 4, 'int32', False),
        ('data', 5, 'float', True),
        ('shape', 7, 'BlobShape', False),
        ('double_data', 8, 'double', True),
    ),
    'ConvolutionParameter': (('stride', 6, 'uint32', True), ('stride_h', 13, 'uint32', False)),
    'PoolingParameter': (('pad', 4, 'uint32', False),),
    'BatchNormParameter': (('eps', 3, 'float', False),),
    'LayerParameter': (
        ('name', 1, 'string', False),
        ('type', 2, 'string', False),
        ('blobs', 7, 'BlobProto', True),
        ('convolution_param', 106, 'ConvolutionParameter', False),
        ('pooling_param', 121, 'PoolingParameter', False),
        ('batch_norm_param', 139, 'BatchNormParameter', False),
    ),
    'V1LayerParameter': (
        ('name', 4, 'string', False),
        ('type', 5, 'int32', False),
        ('blobs', 6, 'BlobProto', True),
        ('convolution_param', 10, 'ConvolutionParameter', False),
        ('pooling_param', 19, 'PoolingParameter', False),
    ),
    'NetParameter': (
        ('name', 1, 'string', False),
        ('layers', 2, 'V1LayerParameter', True),
        ('layer', 100, 'LayerParameter', True),
    ),
}
EPS = 1e-5  # of Caffe's BatchNorm where a layer says nothing, and of torch's


@dataclass(frozen=True)
class Layer:
    """One layer of a Caffe network.

    Attributes:
        name: As in the prototxt.
        blobs: Its parameters, float32, in the layer's order.
        stride: Of a convolution; None where the file does not say, which in Caffe means 1.
        pad: Of a pooling.
        eps: Of a BatchNorm.
    """

    name: str
    blobs: tuple[Tensor, ...]
    stride: int | None
    pad: int
    eps: float


@dataclass(frozen=True)
class CaffeModel:
    """A Caffe network's name and layers, in order."""

    name: str
    layers: tuple[Layer, ...]

    def layer(self, name: str) -> Layer | None:
        """The layer with this name."""
        return next((layer for layer in self.layers if layer.name == name), None)


def looks_like_caffemodel(head: bytes) -> bool:
    """Whether a file with these first bytes may be a .caffemodel: a NetParameter begins with its name or a layer."""
    return head.startswith((b'\x0a', b'\x12', b'\xa2\x06'))


def read_caffemodel(path: Path) -> CaffeModel:
    """Read a `.caffemodel`, in either layout of layers (V1 `layers`, V2 `layer`) and of shapes.

    Raises:
        DataError: The file is cut off or is no Caffe network, or a parameter's values do not fill its shape.
    """
    message = _net_parameter()
    from google.protobuf.message import DecodeError

    try:
        net = message.FromString(path.read_bytes())
    except DecodeError as error:
        raise DataError(f'{path} is cut off or is no .caffemodel: copy or download it anew') from error
    layers = tuple(_layer(layer, path) for layer in (*net.layers, *net.layer))
    if not any(layer.blobs for layer in layers):
        raise DataError(f'{path} holds no weights: no layer of this .caffemodel has parameters')
    return CaffeModel(net.name, layers)


def _layer(layer: Any, path: Path) -> Layer:
    strides = [*layer.convolution_param.stride]
    if layer.convolution_param.HasField('stride_h'):
        strides.append(layer.convolution_param.stride_h)
    norm = getattr(layer, 'batch_norm_param', None)  # V1 had no BatchNorm
    return Layer(
        layer.name,
        tuple(_tensor(blob, f'{path}: {layer.name}') for blob in layer.blobs),
        strides[0] if strides else None,
        layer.pooling_param.pad,
        norm.eps if norm is not None and norm.HasField('eps') else EPS,
    )


def _tensor(blob: Any, where: str) -> Tensor:
    shape: tuple[int, ...]
    if blob.HasField('shape'):
        shape = tuple(blob.shape.dim)
    else:
        shape = (blob.num, blob.channels, blob.height, blob.width)
        while len(shape) > 1 and shape[0] == 1:  # a vector was 1×1×1×C, a matrix 1×1×O×I
            shape = shape[1:]
    values = np.array(blob.double_data or blob.data, dtype=np.float32)
    if values.size != math.prod(shape):
        raise DataError(f'{where} has {values.size} values for the shape {shape}; the file is damaged')
    return torch.from_numpy(values).reshape(shape)


@cache
def _net_parameter() -> Any:
    """The class of NetParameter messages, built from MESSAGES."""
    try:
        from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    except ImportError as error:
        raise DataError('reading a .caffemodel needs protobuf: pip install protobuf') from error
    file = descriptor_pb2.FileDescriptorProto(name='senet_mm/caffemodel.proto', package='caffe', syntax='proto2')
    kinds = descriptor_pb2.FieldDescriptorProto
    for message, fields in MESSAGES.items():
        described = file.message_type.add(name=message)
        for name, number, kind, several in fields:
            label = kinds.LABEL_REPEATED if several else kinds.LABEL_OPTIONAL
            field = described.field.add(name=name, number=number, label=label)
            if kind in MESSAGES:
                field.type, field.type_name = kinds.TYPE_MESSAGE, f'.caffe.{kind}'
            else:
                field.type = kinds.Type.Value(f'TYPE_{kind.upper()}')
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName('caffe.NetParameter'))
