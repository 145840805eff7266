"""What a key map is made of: how a source's weights are told from others', and how their names become ours."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from senet_mm.data.errors import DataError
from senet_mm.engine.provenance import describe_input


class WeightsError(DataError, ValueError):
    """Weights are not what the network needs; the message lists what differs and says what to do."""


# What a network expects of its input: values 0–255, minus mean, divided by std, channels in this order.
# `shorter_side` and `crop` are there where the source says how it tests.
BGR_CAFFE = dict(channels='BGR', mean=[104.0, 117.0, 123.0], std=[1.0, 1.0, 1.0])
RGB_IMAGENET = dict(channels='RGB', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])
CROP_224 = dict(shorter_side=256, crop=224)


@dataclass(frozen=True)
class Source:
    """Whose weights these are, and how their names become ours.

    Attributes:
        name: In file names and provenance.
        title: In messages.
        marks: Regular expressions; weights are this source's if each of them matches the beginning of some key.
        rules: (regular expression, replacement) pairs, applied one after the other to every key. What comes out is the
            name within the backbone, or `head.…` for the classifier.
        styles: `style` of its residual networks without and with groups; empty if it does not follow from the source.
        ceil_pool: `ceil_pool` of its residual networks; None if it does not follow from the source.
        branch_relu: `branch_relu` of its networks of basic blocks.
        refused_files: (regular expression of a file's name, why) for networks that weights alone do not tell from ours.
        input: What the networks expect of their input; None if the source does not say.
    """

    name: str
    title: str
    marks: tuple[str, ...]
    rules: tuple[tuple[str, str], ...]
    styles: tuple[str, ...] = ()
    ceil_pool: bool | None = None
    branch_relu: bool = False
    refused_files: tuple[tuple[str, str], ...] = ()
    input: Mapping[str, Any] | None = None

    def recognises(self, keys: Iterable[str]) -> bool:
        """Whether weights with these keys are this source's."""
        keys = list(keys)
        return all(any(re.match(mark, key) for key in keys) for mark in self.marks)

    def rename(self, key: str) -> str:
        """A key of this source → ours."""
        for pattern, replacement in self.rules:
            key = re.sub(pattern, replacement, key)
        return key


@dataclass
class Weights:
    """Weights under our names.

    Attributes:
        origin: The file or URL, as given.
        source: Whose they are.
        backbone: Names within the backbone.
        head: Names within the classifier's head; empty if there is none.
        others: Parts that were left out.
        options: Options of the backbone that names and shapes do not tell, as far as they are known.
        input: What the network expects of its input, if known.
        before: The provenance of a file that was converted before.
        notes: What a user should know.
    """

    origin: str
    source: Source
    backbone: dict[str, Tensor]
    head: dict[str, Tensor] = field(default_factory=dict)
    others: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    input: dict[str, Any] | None = None
    before: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def summary(self) -> list[str]:
        """Whose they are, what the network expects of its input, what was left out or done: a line each."""
        lines = [f'weights of {self.source.title}']
        if self.before:
            lines = [f'weights converted from {self.before.get("source")} ({self.before.get("file")})']
        if self.input:
            lines.append(f'input: {describe_input(self.input)}')
        if self.others:
            lines.append(f'left out: {", ".join(self.others)}')
        return [*lines, *self.notes]

    @property
    def has_bottlenecks(self) -> bool:
        """Whether this is a ResNet of bottlenecks: only there `style` makes a difference."""
        return 'layer1.0.conv3.weight' in self.backbone

    @property
    def is_grouped(self) -> bool:
        """Whether the 3×3 convolutions of a ResNet's bottlenecks have groups."""
        first, second = (self.backbone.get(f'layer1.0.conv{number}.weight') for number in (1, 2))
        return first is not None and second is not None and first.shape[:1] != second.shape[1:2]
