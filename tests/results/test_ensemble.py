"""Fusing saved predictions: means and intervals against scipy, errors against mmpretrain, files of any fault."""

import json
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, gmean

from senet_mm.data.errors import DataError
from senet_mm.engine.predictions import NO_LABEL, Predictions
from senet_mm.results import ensemble
from senet_mm.results.ensemble import Errors, count_wrong, fuse, render, run, wilson

CLASSES, IMAGES = 7, 40


def predictions(seed, images=IMAGES, classes=CLASSES, **changes):
    rng = np.random.default_rng(seed)
    defaults = dict(
        scores=rng.dirichlet(np.full(classes, 0.3), images).astype(np.float32),
        labels=np.arange(images) % classes,
        images=np.array([f'{image:04}.JPEG' for image in range(images)]),
        source=dict(checkpoint=f'{seed}.pth'),
    )
    return Predictions(**{**defaults, **changes})


def save(folder, *found):
    """Write several predictions; their paths."""
    paths = [folder / f'{index}.npz' for index in range(len(found))]
    for path, one in zip(paths, found, strict=True):
        one.save(path)
    return paths


def arguments(files, **changes):
    defaults = dict(
        model=None,
        test_options='',
        save_dir=Path('runs'),
        mean='arithmetic',
        weights=None,
        out=None,
        metrics=None,
        submission=None,
        ids=None,
        format='text',
    )
    return Namespace(files=files, **{**defaults, **changes})


@pytest.mark.parametrize('weights', [None, [1, 2, 5], [0.5, 0.25, 0.25]])
@pytest.mark.parametrize('mean', ['arithmetic', 'geometric'])
def test_the_two_means(mean, weights, tmp_path):
    members = [predictions(seed) for seed in range(3)]
    fused, _ = fuse(save(tmp_path, *members), mean, weights)
    stacked = np.stack([member.scores for member in members]).astype(np.float64)
    if mean == 'arithmetic':
        expected = np.average(stacked, axis=0, weights=weights)
    else:
        spread = None if weights is None else np.broadcast_to(np.reshape(weights, (3, 1, 1)), stacked.shape)
        expected = gmean(np.maximum(stacked, np.finfo(np.float32).tiny), axis=0, weights=spread)
        expected /= expected.sum(1, keepdims=True)
    np.testing.assert_allclose(fused.scores, expected, rtol=1e-10, atol=1e-15)
    np.testing.assert_allclose(fused.scores.sum(1), 1, rtol=1e-6)
    np.testing.assert_array_equal(fused.labels, members[0].labels)
    shares = np.array(weights or [1, 1, 1]) / sum(weights or [1, 1, 1])
    assert [member['weight'] for member in fused.source['members']] == pytest.approx(shares)
    assert [member['checkpoint'] for member in fused.source['members']] == ['0.pth', '1.pth', '2.pth']


def test_an_ensemble_of_one_is_that_network(tmp_path):
    only = predictions(0)
    for mean in ensemble.MEANS:
        fused, errors = fuse(save(tmp_path, only), mean, [3.0])
        np.testing.assert_allclose(fused.scores, only.scores, rtol=1e-5, atol=1e-30)
        assert errors[0].wrong == errors[1].wrong


def test_a_class_that_one_network_excludes(tmp_path):
    """A geometric mean all but excludes it, without a logarithm of 0; where all exclude all, it is still a number."""
    members = [
        predictions(0, 1, scores=np.array([scores], np.float32), labels=np.array([0]))
        for scores in ([1, 0, 0, 0, 0, 0, 0], [0, 0.5, 0.5, 0, 0, 0, 0])
    ]
    fused, _ = fuse(save(tmp_path, *members), 'geometric', None)
    assert np.isfinite(fused.scores).all()
    assert fused.scores.sum() == pytest.approx(1)
    np.testing.assert_allclose(fused.scores[0, :3], [0.41421, 0.29289, 0.29289], atol=1e-4)


def test_a_fused_file_is_fused_again(tmp_path):
    paths = save(tmp_path, *[predictions(seed) for seed in range(3)])
    two, _ = fuse(paths[:2], 'arithmetic', None)
    two.save(tmp_path / 'two.npz')
    three, _ = fuse([tmp_path / 'two.npz', paths[2]], 'arithmetic', [2, 1])
    expected, _ = fuse(paths, 'arithmetic', None)
    np.testing.assert_allclose(three.scores, expected.scores, atol=1e-7)


@settings(deadline=None, max_examples=60)
@given(data=st.data(), images=st.integers(1, 12), classes=st.integers(1, 6))
def test_errors_with_ties(data, images, classes):
    values = st.lists(st.sampled_from([0.0, 0.25, 0.5]), min_size=classes, max_size=classes)
    scores = np.array(data.draw(st.lists(values, min_size=images, max_size=images)))
    labels = np.array(data.draw(st.lists(st.integers(0, classes - 1), min_size=images, max_size=images)))
    for k in range(1, classes + 1):
        best = [sorted(range(classes), key=lambda c: (-row[c], c))[:k] for row in scores]
        assert count_wrong(scores, labels, k) == sum(label not in top for label, top in zip(labels, best, strict=True))


def test_errors_are_mmpretrains(tmp_path):
    from mmpretrain.evaluation import Accuracy

    (path,) = save(tmp_path, predictions(4, images=200))
    _, (errors, _) = fuse([path], 'arithmetic', None)
    found = Predictions.load(path)
    for k, (accuracy,) in zip((1, 5), Accuracy.calculate(found.scores, found.labels, topk=(1, 5)), strict=True):
        assert 100 - 100 * errors.wrong[k] / errors.images == pytest.approx(accuracy.item(), abs=1e-4)


@settings(deadline=None)
@given(count=st.integers(1, 100_000), share=st.floats(0, 1), level=st.floats(0.5, 0.999))
def test_the_interval_is_wilsons(count, share, level):
    successes = round(share * count)
    theirs = binomtest(successes, count).proportion_ci(level, method='wilson')
    assert wilson(successes, count, level) == pytest.approx((theirs.low, theirs.high), rel=1e-9, abs=1e-12)


def test_the_table():
    text = render([Errors('a.npz', 50_000, {1: 11_645, 5: 3310}), Errors('ensemble', 50_000, {1: 11_000, 5: 0})])
    header, _, first, second = text.splitlines()
    assert header.split('  ')[0] == '50,000 images'
    assert ' '.join(header.split()[2:]) == 'top-1 error (%) 95 % interval top-5 error (%) 95 % interval'
    assert first.split() == ['a.npz', '23.29', '22.92', '–', '23.66', '6.62', '6.41', '–', '6.84']
    assert second.split()[-4:] == ['0.00', '0.00', '–', '0.01']


def test_few_classes_have_no_top_5(tmp_path):
    (path,) = save(tmp_path, predictions(0, classes=4))
    assert 'top-5' not in run(arguments([path]), Path('test.py'))


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(classes=6, labels=np.zeros(IMAGES, int)), r'0\.npz has 7 classes and .*1\.npz has 6'),
        (dict(images_reversed=True), r'1\.npz is of the same images in another order than .*0\.npz'),
        (dict(images=30, labels=np.zeros(30, int)), r'1\.npz is of other images than'),
        (dict(labels=np.zeros(IMAGES, int)), r'1\.npz has other labels than'),
    ],
)
def test_files_that_do_not_belong_together(changes, message, tmp_path):
    first = predictions(0)
    if changes.pop('images_reversed', False):
        other = Predictions(first.scores[::-1], first.labels[::-1], first.images[::-1])
    else:
        other = predictions(1, **changes)
    with pytest.raises(DataError, match=message):
        fuse(save(tmp_path, first, other), 'arithmetic', None)


@pytest.mark.parametrize(
    ('weights', 'message'),
    [([1], '--weights: 1 for 2 networks'), ([1, 0], 'each is more than 0'), ([1, float('nan')], 'each is more than 0')],
)
def test_weights_that_are_none(weights, message, tmp_path):
    with pytest.raises(DataError, match=message):
        run(arguments(save(tmp_path, predictions(0), predictions(1)), weights=weights), Path('test.py'))


def test_metrics_and_predictions_are_saved(tmp_path):
    paths = save(tmp_path, predictions(0), predictions(1))
    out, metrics = tmp_path / 'fused.npz', tmp_path / 'metrics.json'
    run(arguments(paths, out=out, metrics=metrics, mean='geometric'), Path('test.py'))
    fused, errors = fuse(paths, 'geometric', None)
    np.testing.assert_array_equal(Predictions.load(out).scores, fused.scores.astype(np.float32))
    records = json.loads(metrics.read_text())
    assert [record['name'] for record in records] == [*map(str, paths), 'ensemble']
    for record, error in zip(records, errors, strict=True):
        assert record['images'] == IMAGES
        assert record['top1_err'] == 100 * error.wrong[1] / IMAGES
        assert record['top5_err_interval'] == pytest.approx([100 * bound for bound in wilson(error.wrong[5], IMAGES)])


def test_images_without_labels_are_only_written(tmp_path):
    paths = save(tmp_path, predictions(0, labels=np.full(IMAGES, NO_LABEL)))
    out = tmp_path / 'fused.npz'
    assert run(arguments(paths, out=out), Path('test.py')) == f'40 images without labels: wrote {out}'
    for wrong in (dict(), dict(out=out, metrics=tmp_path / 'metrics.json')):
        with pytest.raises(DataError, match='these images have no labels'):
            run(arguments(paths, **wrong), Path('test.py'))
    assert not (tmp_path / 'metrics.json').exists()


def test_options_that_lack_something(tmp_path):
    paths = save(tmp_path, predictions(0))
    with pytest.raises(DataError, match=r'give predictions .* or --model CONFIG CHECKPOINT'):
        run(arguments([]), Path('test.py'))
    with pytest.raises(DataError, match='--submission needs --ids: the challenge numbers the classes in an order'):
        run(arguments(paths, submission=tmp_path / 'submission.txt'), Path('test.py'))
    with pytest.raises(DataError, match=r'--out .*fused\.pkl: the predictions of the ensemble go to an \.npz file'):
        run(arguments(paths, out=tmp_path / 'fused.pkl'), Path('test.py'))


@pytest.fixture
def tool(tmp_path, monkeypatch):
    """Stands in for tools/test.py: writes predictions where --out says, and its arguments beside them."""
    monkeypatch.chdir(tmp_path)
    script = tmp_path / 'tool.py'
    script.write_text(
        'import shutil, sys\n'
        'from pathlib import Path\n'
        "out = Path(sys.argv[sys.argv.index('--out') + 1])\n"
        "if 'broken' in sys.argv[2]: sys.exit(1)\n"
        'out.parent.mkdir(parents=True)\n'
        "shutil.copy('network.npz', out)\n"
        "out.with_suffix('.txt').write_text('|'.join(sys.argv[1:]))\n"
    )
    return script


def test_networks_are_tested_first(tool, tmp_path):
    paths = save(tmp_path, predictions(0))
    network = predictions(5)
    network.save(tmp_path / 'network.npz')
    model = [['configs/se_x.py', 'runs/epoch_9.pth']]
    table = run(arguments(paths, model=model, test_options='--crops ten-224 --amp', weights=[1, 3]), tool)
    _, errors = fuse([*paths, tmp_path / 'network.npz'], 'arithmetic', [1, 3])
    assert f'{100 * errors[-1].wrong[1] / IMAGES:.2f}' in table.splitlines()[-1]
    out = 'runs/se_x/epoch_9.npz'
    assert Path('runs/se_x/epoch_9.txt').read_text() == (
        f'configs/se_x.py|runs/epoch_9.pth|--out|{out}|--crops|ten-224|--amp'
    )
    with pytest.raises(DataError, match=r'the test of c\.py with broken\.pth failed'):
        run(arguments([], model=[['c.py', 'broken.pth']]), tool)
    with pytest.raises(DataError, match=r'two networks would write runs/c/last\.npz'):
        run(arguments([], model=[['c.py', 'a/last.pth'], ['c.py', 'b/last.pth']]), tool)
