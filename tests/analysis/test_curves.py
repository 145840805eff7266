"""Curves against logs written by hand."""

import csv
import math

import numpy as np
import pytest

from senet_mm.analysis.curves import POINTS, TRAINING, VALIDATION, plot_curves, read_curves
from senet_mm.data.errors import DataError
from tests.analysis.logs import training, validation, write
from tests.analysis.pictures import covered_texts, drawn  # noqa: F401


def classifier(run, shift=0.0, epochs=4):
    """Three lines of training and a validation in each epoch."""
    lines = []
    for epoch in range(1, epochs + 1):
        for step in (1, 2, 3):
            values = {'accuracy_top-1': 50.0 + epoch + step}
            lines.append(training(30 * (epoch - 1) + 10 * step, shift + 5 - epoch + step / 10, epoch, **values))
        lines.append(validation(epoch, accuracy__top1=60.0 + epoch, accuracy__top5=90.0, loss__cross_entropy=6 - epoch))
    write(run, '20260101_000000', lines)
    return run


def detector(run, iterations=12):
    lines = [training(50 * n, 3 / n, acc=90.0) for n in range(1, iterations + 1)]
    lines[6:6] = [validation(300, coco__bbox_mAP=0.2, coco__bbox_mAP_50=0.4)]
    lines.append(validation(50 * iterations, coco__bbox_mAP=0.375))
    write(run, '20260101_000000', lines)
    return run


def points(curves):
    return {(curve.quantity, curve.phase): (curve.x.tolist(), curve.y.tolist()) for curve in curves}


def test_a_classifiers_training_is_the_mean_over_each_epoch(tmp_path):
    curves = read_curves(classifier(tmp_path), 'SE')
    found, epochs = points(curves), [1.0, 2.0, 3.0, 4.0]
    assert set(found) == {
        (quantity, phase) for quantity in ('loss', 'top-1 error (%)') for phase in (TRAINING, VALIDATION)
    }
    assert found['loss', TRAINING] == (epochs, pytest.approx([4.2, 3.2, 2.2, 1.2]))
    assert found['loss', VALIDATION] == (epochs, [5, 4, 3, 2])
    assert found['top-1 error (%)', TRAINING] == (epochs, pytest.approx([47, 46, 45, 44]))
    assert found['top-1 error (%)', VALIDATION] == (epochs, [39, 38, 37, 36])
    assert {curve.unit for curve in curves} == {'epoch'}


def test_a_detectors_curves_go_over_iterations(tmp_path):
    found = points(read_curves(detector(tmp_path), 'SE'))
    assert found['loss', TRAINING] == ([50.0 * n for n in range(1, 13)], pytest.approx([3 / n for n in range(1, 13)]))
    assert found['AP (%)', VALIDATION] == ([300, 600], [20, 37.5])
    assert len(found) == 2


def test_a_long_detection_run_is_thinned_without_losing_its_mean(tmp_path):
    losses = np.random.default_rng(0).random(3600)
    write(tmp_path, 'a', [training(50 * n, loss) for n, loss in enumerate(losses.tolist(), start=1)])
    ((x, y),) = points(read_curves(tmp_path, 'SE')).values()
    assert len(x) == POINTS
    assert x[-1] == 180_000
    assert np.mean(y) == pytest.approx(losses.mean())
    assert y[0] == pytest.approx(losses[:18].mean())


def test_a_diverged_epoch_is_a_gap(tmp_path):
    write(tmp_path, 'a', [training(10 * epoch, math.nan if epoch == 2 else 1.0, epoch) for epoch in (1, 2, 3)])
    ((x, y),) = points(read_curves(tmp_path, 'SE')).values()
    assert x == [1, 2, 3]
    assert np.isnan(y).tolist() == [False, True, False]


def test_the_figure_has_training_dashed_and_validation_solid(tmp_path, drawn):  # noqa: F811
    runs = {'ResNet-50': classifier(tmp_path / 'a'), 'SE-ResNet-50': classifier(tmp_path / 'b', -1)}

    def look(figure):
        lines = [[(line.get_color(), line.get_linestyle(), line.get_xydata()) for line in a.lines] for a in figure.axes]
        headings = [(axis.get_title(), axis.get_xlabel()) for axis in figure.axes]
        legend = [(text.get_text(), line.get_color(), line.get_linestyle()) for text, line in
                  zip(figure.legends[0].get_texts(), figure.legends[0].get_lines(), strict=True)]  # fmt: skip
        return lines, headings, legend, covered_texts(figure)

    drawn.look = look
    curves = plot_curves(runs, [tmp_path / 'new' / 'curves.png', tmp_path / 'curves.svg'])
    assert len(drawn) == 2
    for lines, headings, legend, covered in drawn:
        assert headings == [('(a) loss', 'epoch'), ('(b) top-1 error (%)', 'epoch')]
        assert [entry[0] for entry in legend] == ['ResNet-50', 'SE-ResNet-50', 'training', 'validation']
        assert covered == []
        colours, styles = {e[0]: e[1] for e in legend[:2]}, {e[0]: e[2] for e in legend[2:]}
        assert styles == dict(training='--', validation='-')
        assert len(set(colours.values())) == 2
        for panel, quantity in zip(lines, ('loss', 'top-1 error (%)'), strict=True):
            assert len(panel) == 4
            shown = {(colour, style): xy for colour, style, xy in panel}
            for curve in curves:
                if curve.quantity == quantity:
                    xy = shown[colours[curve.run], styles[curve.phase]]
                    np.testing.assert_array_equal(xy, np.stack([curve.x, curve.y], 1))


def test_a_table_has_every_point(tmp_path):
    plot_curves({'SE': detector(tmp_path / 'run')}, [tmp_path / 'curves.csv'])
    with (tmp_path / 'curves.csv').open(newline='') as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 14
    last = dict(run='SE', quantity='AP (%)', phase='validation', iteration='600.0', value='37.5')
    assert rows[-1] == last


def test_a_validation_that_was_done_twice_is_one_point(tmp_path):
    """Killed in the test of iteration 120, and resumed there: no line of training is between the two."""
    write(tmp_path, 'a', [training(100, 1.0), validation(120, coco__bbox_mAP=0.1)])
    write(tmp_path, 'b', [validation(120, coco__bbox_mAP=0.2), training(150, 0.5), validation(200, coco__bbox_mAP=0.3)])
    assert points(read_curves(tmp_path, 'SE'))['AP (%)', VALIDATION] == ([120, 200], [20, 30])


def test_long_titles_stay_inside_the_figure(tmp_path, drawn):  # noqa: F811
    runs = {f'se_resnet50_ablation_stages{n}_imagenet': classifier(tmp_path / str(n)) for n in range(7)}
    drawn.look = covered_texts
    for width in ('single', 'double'):
        plot_curves(runs, [tmp_path / 'curves.png'], width)
    assert drawn == [[], []]
    with pytest.raises(DataError, match='8 runs: in one figure 7 can be told apart'):
        plot_curves(runs | {'eighth': tmp_path / '0'}, [tmp_path / 'curves.png'])


def test_runs_that_do_not_go_together_are_an_error(tmp_path):
    runs = dict(a=classifier(tmp_path / 'a'), b=detector(tmp_path / 'b'))
    with pytest.raises(DataError, match='a counts epochs, b iterations'):
        plot_curves(runs, [tmp_path / 'curves.png'])
    assert not (tmp_path / 'curves.png').exists()


def test_mistakes_are_told_before_anything_is_written(tmp_path):
    run = classifier(tmp_path / 'a')
    with pytest.raises(DataError, match=r'curves.jpg: the name says the format, and has to end in .png, .svg, .pdf or'):
        plot_curves(dict(a=run), [tmp_path / 'curves.png', tmp_path / 'curves.jpg'])
    assert not (tmp_path / 'curves.png').exists()
    write(tmp_path / 'b', 'a', [dict(step=3, iter=3, grad_norm=1.0)])
    with pytest.raises(DataError, match=r'none of loss, .*, coco/bbox_mAP was logged, only grad_norm, iter, step'):
        plot_curves(dict(b=tmp_path / 'b'), [tmp_path / 'curves.png'])
