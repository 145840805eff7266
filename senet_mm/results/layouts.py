"""What the paper's Tables 2–16 consist of: rows, columns, and which config fills what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from senet_mm.data.errors import DataError
from senet_mm.results.comparison import LARGE_CROP
from senet_mm.results.paper import ABLATION_PLAIN, ABLATIONS, MODELS, RELEASED, SE_ONLY, models_of, se_name

GAIN, COST, SPEED, CONVERTED = 'gain', 'cost', 'speed', 'converted'  # kinds of columns beside the measured ones


@dataclass(frozen=True)
class Metric:
    """A measure as the paper prints it, and as the toolboxes name it.

    Attributes:
        heading: In the tables.
        digits: Decimals.
        source: The toolbox's name.
        factor: value = offset + factor × the toolbox's.
        offset: See factor.
        higher_is_better: Whether it is.
    """

    heading: str
    digits: int
    source: str
    factor: float
    offset: float
    higher_is_better: bool = False


METRICS = {
    'top1_err': Metric('top-1 err.', 2, 'accuracy/top1', -1, 100),
    'top5_err': Metric('top-5 err.', 2, 'accuracy/top5', -1, 100),
    'ap50': Metric('AP@0.5', 1, 'coco/bbox_mAP_50', 100, 0, True),
    'ap': Metric('AP', 1, 'coco/bbox_mAP', 100, 0, True),
}
# The paper's name of a count → heading, decimals, field of complexity.json, unit.
COSTS = {
    'gflops': ('GFLOPs', 2, 'macs', 1e9),
    'mflops': ('MFLOPs', 0, 'macs', 1e6),
    'params_m': ('params (M)', 1, 'parameters', 1e6),
}


@dataclass(frozen=True)
class ColumnLayout:
    """A column.

    Attributes:
        kind: '' for what is measured and for the paper's own figures, GAIN, COST, SPEED or CONVERTED.
        metric: A key of METRICS or COSTS, or, for what only the paper has, its name in paper.csv.
        group: The heading above the heading.
        role: Which of a row's configs the column is about.
        printed: The paper's name of the metric, where it is another.
        crops: Of the test; None for the config's own.
    """

    kind: str
    metric: str
    group: str = ''
    role: str = 'own'
    printed: str = ''
    crops: str | None = None

    @property
    def key(self) -> str:
        """A name of its own among the columns."""
        parts = (self.kind, self.role if self.role != 'own' else '', self.printed or self.metric)
        return '_'.join(part for part in parts if part)


@dataclass(frozen=True)
class RowLayout:
    """A row: its name, its model in paper.csv, and for every role the config and the paper's variant."""

    label: str
    model: str
    stems: Mapping[str, str] = field(default_factory=dict)
    variants: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Layout:
    """A table.

    Attributes:
        number: In the paper.
        dataset: 'imagenet', 'cifar10', 'cifar100', 'places365' or 'coco'.
        title: What it is about.
        heading: Of the rows' names.
        baseline: Table, model (None: the row's) and variant that a gain in the paper is over.
        notes: Row and column key → what is to be said about the paper's figure there.
    """

    number: int
    dataset: str
    title: str
    heading: str
    rows: tuple[RowLayout, ...]
    columns: tuple[ColumnLayout, ...]
    baseline: tuple[int, str | None, str] | None = None
    notes: Mapping[tuple[str, str], str] = field(default_factory=dict)


def _side_by_side(number: int, dataset: str, title: str, note: tuple[str, str] | None = None) -> Layout:
    """A row for each network, plain and SE beside one another: Tables 2 to 5."""
    errors = ('top1_err', 'top5_err') if dataset == 'imagenet' else ('top1_err',)
    costs = ('mflops', 'params_m') if number == 3 else ('gflops', 'params_m')
    again = number in (2, 3)  # the paper ran the plain networks again
    variants = {'original': 'original', 'plain': 'baseline' if again else 'original', 'se': 'se'}
    columns = [ColumnLayout('', error, 'original', 'original') for error in errors] if again else []
    for role, group in (('plain', 're-implementation' if again else 'original'), ('se', 'SENet')):
        columns += [ColumnLayout('', error, group, role) for error in errors]
        columns += [ColumnLayout(COST, cost, group, role) for cost in costs]
    columns += [ColumnLayout(GAIN, error, 'gain of SE', 'se') for error in errors]
    if number == 2:
        columns += [ColumnLayout('', error, 'SENet as released', 'released') for error in errors]
    for role, group in (('plain', 'converted, plain'), ('se', 'converted, SE')):
        columns += [ColumnLayout(CONVERTED, error, group, role) for error in errors]
    columns += [ColumnLayout(SPEED, 'images_per_s', f'training, {name}', name.lower()) for name in ('plain', 'SE')]
    rows = tuple(
        RowLayout(model, model, _stems(plain), variants) for plain, (table, model) in MODELS.items() if table == number
    )
    notes = {(note[0], 'plain_top1_err'): note[1]} if note else {}
    return Layout(number, dataset, title, 'network', rows, tuple(columns), (number, None, variants['plain']), notes)


def _stems(plain: str) -> dict[str, str]:
    stems = {'plain': plain, 'se': se_name(plain)}
    released = stems['se'].replace('_imagenet', '_released_imagenet')
    return stems | ({'released': released} if released in RELEASED else {})


def _pairs(number: int, dataset: str, title: str, metrics: tuple[str, ...]) -> Layout:
    """Two rows for each network: Tables 6 and 7."""
    rows = [RowLayout(model, model, {}, {'own': kind}) for model, kind in models_of(number) if kind == 'reference']
    for plain, (table, model) in MODELS.items():
        if table == number:
            se = se_name(plain)
            rows.append(RowLayout(model, model, {'own': plain}, {'own': 'baseline'}))
            rows.append(RowLayout(f'SE-{model}', model, {'own': se, 'plain': plain}, {'own': 'se'}))
    return Layout(number, dataset, title, 'network', tuple(rows), _columns(metrics), (number, None, 'baseline'))


def _columns(metrics: tuple[str, ...], gain: bool = True) -> tuple[ColumnLayout, ...]:
    """Of a table that has one network in a row."""
    gains = [ColumnLayout(GAIN, metric, 'gain of SE') for metric in metrics] if gain else []
    return (
        *(ColumnLayout('', metric) for metric in metrics),
        *(ColumnLayout(COST, cost) for cost in ('gflops', 'params_m')),
        *gains,
        *(ColumnLayout(CONVERTED, metric, 'converted') for metric in metrics),
        ColumnLayout(SPEED, 'images_per_s'),
    )


def _large_networks() -> tuple[Layout, Layout]:
    """Tables 8 and 9: others' networks, and SENet-154."""
    rows = [RowLayout(model, model, {}, {'own': kind}) for model, kind in models_of(8) if kind == 'reference']
    stems = {'own': 'senet154_imagenet', 'released': 'senet154_released_imagenet'}
    rows.append(RowLayout('SENet-154', 'SENet-154', stems, {'own': 'se'}))
    errors = ('top1_err', 'top5_err')
    columns = [ColumnLayout('', error, '224 × 224', printed=f'{error}_224') for error in errors]
    large = '320 × 320 or 299 × 299'
    columns += [ColumnLayout('', error, large, printed=f'{error}_320', crops=LARGE_CROP) for error in errors]
    columns += [ColumnLayout('', error, 'as released, 224 × 224', 'released') for error in errors]
    columns += _columns(errors, gain=False)[2:]
    title = 'ImageNet: single-crop errors of large networks'
    table8 = Layout(8, 'imagenet', title, 'network', tuple(rows), tuple(columns))
    own = {model: stem for stem, (number, model) in SE_ONLY.items() if number == 9}
    rows = [
        RowLayout(model, model, {'own': own[model]} if model in own else {}, {'own': kind})
        for model, kind in models_of(9)
    ]
    columns = [ColumnLayout('', 'crop'), *_columns(errors, gain=False)]
    title = 'ImageNet: errors with larger crops or more training data'
    return table8, Layout(9, 'imagenet', title, 'network', tuple(rows), tuple(columns))


def _ablation(number: int, title: str, heading: str, labels: tuple[str, ...]) -> Layout:
    """Variants of SE-ResNet-50 in the paper's order: Tables 10 to 16."""
    rows = []
    for label, (variant, stem) in zip(labels, ABLATIONS[number].items(), strict=True):
        stems = {'own': stem} | ({} if stem == ABLATION_PLAIN else {'plain': ABLATION_PLAIN})
        rows.append(RowLayout(label, 'ResNet-50', stems, {'own': variant}))
    baseline = (10, 'ResNet-50', 'baseline')
    columns = _columns(('top1_err', 'top5_err'))
    return Layout(number, 'imagenet', f'Ablation: {title}', heading, tuple(rows), columns, baseline)


_STAGES = ('ResNet-50', 'SE in stage 2', 'SE in stage 3', 'SE in stage 4', 'SE in all stages')
SHAKE_EVEN = 'Shake-Even 29 2x4x64d + Cutout'
LAYOUTS: dict[int, Layout] = {
    layout.number: layout
    for layout in (
        _side_by_side(2, 'imagenet', 'ImageNet: single-crop errors'),
        _side_by_side(3, 'imagenet', 'ImageNet: single-crop errors of networks for mobile devices'),
        _side_by_side(4, 'cifar10', 'CIFAR-10: errors'),
        _side_by_side(
            5,
            'cifar100',
            'CIFAR-100: errors',
            (SHAKE_EVEN, '15.85 is Shake-Even’s without Cutout; with it, the authors of Cutout report 15.20.'),
        ),
        _pairs(6, 'places365', 'Places365: single-crop errors', ('top1_err', 'top5_err')),
        _pairs(7, 'coco', 'COCO minival: Faster R-CNN', ('ap50', 'ap')),
        *_large_networks(),
        _ablation(10, 'reduction ratio', 'ratio r', ('2', '4', '8', '16', '32', 'original')),
        _ablation(11, 'squeeze', 'squeeze', ('max', 'average')),
        _ablation(12, 'excitation', 'excitation', ('ReLU', 'tanh', 'sigmoid')),
        _ablation(13, 'stages with SE', 'stages', _STAGES),
        _ablation(14, 'place in the residual unit', 'design', ('SE', 'SE-PRE', 'SE-POST', 'SE-Identity')),
        _ablation(15, 'after the 3×3 convolution', 'design', ('SE', 'SE after 3×3')),
        _ablation(16, 'without the squeeze', 'network', ('ResNet-50', 'NoSqueeze', 'SE')),
    )
}


def stems_of(number: int) -> tuple[str, ...]:
    """The configs whose runs a table shows, from its top; what is only tested (released weights) is not among them."""
    stems = [row.stems.get(role) for row in LAYOUTS[number].rows for role in ('plain', 'se', 'own')]
    return tuple(dict.fromkeys(stem for stem in stems if stem))


def parse_tables(names: Iterable[str]) -> list[int]:
    """Numbers of tables from '7', a data set's name, 'ablation' or 'all', in order.

    Raises:
        DataError: There is no such table.
    """
    groups: dict[str, list[int]] = {str(number): [number] for number in LAYOUTS}
    for number, layout in LAYOUTS.items():
        if number not in ABLATIONS:
            groups.setdefault(layout.dataset, []).append(number)
    groups |= {'ablation': list(ABLATIONS), 'all': list(LAYOUTS)}
    unknown = [name for name in names if name not in groups]
    if unknown:
        hint = '; name folders before --table' if any(Path(name).is_dir() for name in unknown) else ''
        raise DataError(f'there is no table {", ".join(unknown)}; there are {", ".join(groups)}{hint}')
    return sorted({number for name in names for number in groups[name]})
