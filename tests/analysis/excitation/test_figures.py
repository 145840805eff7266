"""The lines that are drawn are the numbers that were recorded; labels are right and legible."""

import csv
import re

import numpy as np
import pytest

from senet_mm.analysis.excitation.ablation import Ablation
from senet_mm.analysis.excitation.figures import (
    EVERY,
    choose_blocks,
    class_lines,
    draw_classes,
    draw_depth,
    draw_within,
    sample_channels,
)
from senet_mm.analysis.excitation.measures import measure
from senet_mm.analysis.excitation.statistics import BlockStatistics, Excitation
from senet_mm.analysis.figures import WIDTHS
from senet_mm.layers import SEBlock
from tests.analysis.pictures import covered_texts, drawn  # noqa: F401


def names_of(*counts):
    """Of blocks in stages 2, 3, …."""
    return [f'SE_{stage}_{number + 1}' for stage, count in enumerate(counts, start=2) for number in range(count)]


RESNET_50, RESNET_152 = names_of(3, 4, 6, 3), names_of(3, 8, 36, 3)
PAPER = ['SE_2_3', 'SE_3_4', 'SE_4_6', 'SE_5_1', 'SE_5_2', 'SE_5_3']
CLASSES = ('goldfish, Carassius auratus', 'pug, pug-dog', 'airliner', 'cliff, drop, drop-off', 'tench')


def recorded(names=RESNET_50, channels=120, classes=CLASSES, seed=0):
    random = np.random.default_rng(seed)
    blocks, gates = {}, {}
    for name in names:
        labels = np.arange(8 * len(classes)) % len(classes)
        gates[name] = random.random((len(labels), channels)) * random.random(channels)
        blocks[name] = BlockStatistics.empty(SEBlock(channels), name, len(classes))
        blocks[name].add(gates[name], labels)
    return Excitation(classes, tuple(range(len(classes))), blocks), gates, labels


def test_channels_are_fifty_from_the_first_to_the_last():
    for count in (256, 2048, 51):
        channels = sample_channels(count)
        assert len(channels) == 50
        assert (channels[0], channels[-1]) == (0, count - 1)
        assert set(np.diff(channels)) <= {int((count - 1) / 49), int((count - 1) / 49) + 1}
    np.testing.assert_array_equal(sample_channels(8), np.arange(8))
    np.testing.assert_array_equal(sample_channels(1), [0])


def test_blocks_are_the_papers():
    assert choose_blocks(RESNET_50) == PAPER
    assert choose_blocks(['SE_3_1', 'SE_3_2']) == ['SE_3_1', 'SE_3_2']
    assert choose_blocks(['SE_2_1', 'SE_2_2', 'SE_10_1']) == ['SE_2_2', 'SE_10_1']
    assert choose_blocks([f'layer{n}.se' for n in range(11)]) == [f'layer{n}.se' for n in (0, 2, 4, 6, 8, 10)]
    assert choose_blocks(['a.se', 'b.se']) == ['a.se', 'b.se']


def titles(figure):
    return [axis.get_title() for axis in figure.axes if axis.axison]


def test_figure_6_shows_the_means_of_the_classes_and_of_all(tmp_path, drawn):  # noqa: F811
    excitation, gates, labels = recorded()

    def look(figure):
        texts = [text.get_text() for text in figure.legends[0].get_texts()]
        lines = [{line.get_label(): line.get_xydata() for line in axis.lines} for axis in figure.axes if axis.axison]
        return texts, titles(figure), lines, covered_texts(figure)

    drawn.look = look
    lines = class_lines(excitation, [0, 1, 2, 3], PAPER, every=True)
    files = draw_classes(lines, tmp_path / 'classes', WIDTHS['double'])
    assert [file.name for file in files] == ['classes.png', 'classes.svg', 'classes.csv']
    shown = ['goldfish', 'pug', 'airliner', 'cliff']
    channels = sample_channels(120)
    for texts, headings, panels, covered in drawn:
        assert texts == [*shown, EVERY]
        assert headings == [f'({letter}) {name}' for letter, name in zip('abcdef', PAPER, strict=True)]
        assert covered == []
        for name, panel in zip(PAPER, panels, strict=True):
            means = np.stack([gates[name][labels == label].mean(0)[channels] for label in range(5)])
            for title, mean in zip([*shown, EVERY], [*means[:4], means.mean(0)], strict=True):
                np.testing.assert_allclose(panel[title], np.stack([channels, mean], 1), rtol=1e-12)
    with files[-1].open(newline='') as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6 * 5 * 50
    row = next(row for row in rows if (row['block'], row['title'], row['channel']) == ('SE_4_6', 'pug', '119'))
    own = gates['SE_4_6'][labels == 1, 119]
    assert float(row['mean']) == pytest.approx(own.mean(), rel=1e-12)
    assert float(row['standard_deviation']) == pytest.approx(own.std(), rel=1e-9)


def test_figure_7_shows_a_band_of_one_standard_deviation(tmp_path, drawn):  # noqa: F811
    excitation, gates, labels = recorded()

    def look(figure):
        axis = figure.axes[3]
        bands = [collection.get_paths()[0].vertices for collection in axis.collections]
        return [line.get_label() for line in axis.lines], bands, covered_texts(figure)

    drawn.look = look
    draw_within(class_lines(excitation, [0, 2], PAPER, every=False), tmp_path / 'within', WIDTHS['single'])
    for names, bands, covered in drawn:
        assert names == ['goldfish', 'airliner']
        assert covered == []
        for label, band in zip((0, 2), bands, strict=True):
            own = gates['SE_5_1'][labels == label]
            for channel in sample_channels(120)[[0, 7, 49]]:
                mean, deviation = own[:, channel].mean(), own[:, channel].std()
                ys = band[band[:, 0] == channel, 1]
                assert (ys.min(), ys.max()) == pytest.approx((mean - deviation, mean + deviation))


def test_all_images_as_one_class_are_one_line(tmp_path, drawn):  # noqa: F811
    excitation, _, _ = recorded(['neck.0.se', 'neck.1.se'], classes=('all images',))
    drawn.look = lambda figure: ([len(axis.lines) for axis in figure.axes], titles(figure), covered_texts(figure))
    draw_classes(class_lines(excitation, [0], ['neck.0.se', 'neck.1.se'], every=True), tmp_path / 'a', WIDTHS['single'])
    assert drawn == [([1, 1], ['(a) neck.0.se', '(b) neck.1.se'], [])]


def test_long_names_stay_inside_and_apart(tmp_path, drawn):  # noqa: F811
    """The longest of ImageNet's names, and blocks deep in a network of somebody else's."""
    places = [f'backbone.stages.{stage}.blocks.{unit}.norm.se' for stage in (2, 3) for unit in (1, 17)]
    spiders = ('black-and-gold garden spider', 'Staffordshire bullterrier', 'European fire salamander', 'vine snake')
    excitation, _, _ = recorded(places, classes=spiders)
    drawn.look = lambda figure: (titles(figure), covered_texts(figure))
    for width in WIDTHS.values():
        draw_classes(class_lines(excitation, [0, 1, 2, 3], places, every=True), tmp_path / 'classes', width)
    headings = [f'({letter}) {name}' for letter, name in zip('abcd', ('2.blocks.1.norm.se', '2.blocks.17.norm.se', '3.blocks.1.norm.se', '3.blocks.17.norm.se'), strict=True)]  # fmt: skip  # noqa: E501
    assert drawn == [(headings, [])] * 2


@pytest.mark.parametrize(('width', 'deep'), [('single', False), ('double', False), ('double', True)])
def test_the_figure_by_depth_shows_the_measures(tmp_path, drawn, width, deep):  # noqa: F811
    names = RESNET_152 if deep else RESNET_50
    measures = measure(recorded(names, channels=6)[0])
    ablation = Ablation('top-1 accuracy', 80.0, {name: 80.0 - place for place, name in enumerate(names)}, 0.1)

    def look(figure):
        bars = [[bar.get_height() for bar in axis.patches] for axis in figure.axes if axis.axison]
        ticks = [[label.get_text() for label in axis.get_xticklabels()] for axis in figure.axes if axis.axison]
        return titles(figure), bars, ticks, covered_texts(figure)

    drawn.look = look
    files = draw_depth(measures, ablation, tmp_path / 'depth', WIDTHS[width])
    ((headings, bars, ticks, covered),) = drawn
    power = int(re.fullmatch(r'\(a\) between classes \(\$10\^\{(-\d)}\$\)', headings[0])[1])
    assert headings[1:] == ['(b) between classes (%)', '(c) gates near 1 (%)', '(d) points lost without it']
    assert bars[0] == pytest.approx([block.between * 10**-power for block in measures])
    assert 1 <= max(bars[0]) < 10
    assert bars[1] == [100 * block.class_share for block in measures]
    assert bars[2] == [100 * block.saturated for block in measures]
    assert bars[3] == pytest.approx(range(len(names)))
    assert ticks == [['SE_2_3', 'SE_3_8', 'SE_4_36', 'SE_5_3'] if deep else names] * 4
    assert covered == []
    with files[-1].open(newline='') as file:
        rows = list(csv.DictReader(file))
    assert [row['block'] for row in rows] == names
    assert [float(row['saturated_share']) for row in rows] == [block.saturated for block in measures]


@pytest.mark.parametrize('still', [('SE_2_1', 'SE_4_2'), ('SE_3_2', 'SE_5_3')])
def test_constant_gates_are_marked_and_the_bars_of_all_panels_stay_aligned(tmp_path, drawn, still):  # noqa: F811
    """At the first or last place, too, where a bar that is NaN would be left out of the axis."""
    excitation, _, labels = recorded(RESNET_50, channels=6)
    for name in still:
        block = BlockStatistics.empty(SEBlock(6), name, len(CLASSES))
        block.add(np.full((len(labels), 6), 0.5), labels)
        excitation.blocks[name] = block
    places = [RESNET_50.index(name) for name in still]

    def look(figure):
        axes = [axis for axis in figure.axes if axis.axison]
        marks = [[(text.get_text(), *text.get_position()) for text in axis.texts] for axis in axes]
        return [axis.get_xlim() for axis in axes], marks, covered_texts(figure)

    drawn.look = look
    draw_depth(measure(excitation), None, tmp_path / 'depth', WIDTHS['double'])
    assert drawn == [([(-0.6, 15.6)] * 3, [[], [('—', place, 0) for place in places], []], [])]


@pytest.mark.parametrize('width', WIDTHS)
def test_without_classes_and_costs_the_figure_by_depth_has_what_there_is(tmp_path, drawn, width):  # noqa: F811
    measures = measure(recorded([f'neck.{n}.se' for n in range(40)], channels=6, classes=('all images',))[0])
    drawn.look = lambda figure: (titles(figure), figure.axes[0].get_xticklabels()[1].get_text(), covered_texts(figure))
    draw_depth(measures, None, tmp_path / 'depth', WIDTHS[width])
    assert drawn == [(['gates near 1 (%)'], dict(single='4', double='3')[width], [])]


def test_the_mean_of_all_classes_is_seen_behind_classes_that_coincide(tmp_path, monkeypatch):
    excitation, _, _ = recorded(PAPER)
    for block in excitation.blocks.values():
        block.mean[:] = block.mean[0]
    pictures = {}

    def saved(figure, path):
        figure.canvas.draw()
        pictures[path.suffix] = np.asarray(figure.canvas.buffer_rgba())[..., :3].reshape(-1, 3).astype(int)
        return path

    monkeypatch.setattr('senet_mm.analysis.excitation.figures.save', saved)
    draw_classes(class_lines(excitation, [0, 1], PAPER, every=True), tmp_path / 'classes', WIDTHS['single'])
    grey = (np.abs(pictures['.png'] - 192).max(1) < 2).sum()  # silver
    line = (np.abs(pictures['.png'] - (0xD5, 0x5E, 0x00)).max(1) < 2).sum()  # the class that is drawn last
    assert grey > line / 4 > 100


def test_the_same_numbers_give_the_same_files(tmp_path):
    excitation, _, _ = recorded(PAPER, channels=20)
    lines = class_lines(excitation, [0, 1], PAPER, every=True)
    contents = [
        [file.read_bytes() for file in draw_classes(lines, tmp_path / str(time) / 'classes', WIDTHS['double'])]
        for time in range(2)
    ]
    assert contents[0] == contents[1]
    assert contents[0][0].startswith(b'\x89PNG')
    assert b'<svg' in contents[0][1]
