"""Made-up work dirs: whole runs of every table, and runs with everything that can be wrong with them."""

import hashlib
import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

from senet_mm.engine.record import hash_file, new_record, write_record
from senet_mm.results.layouts import LAYOUTS, stems_of
from senet_mm.results.paper import figure, paper_row, published

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
# By how much the run of each seed is worse than the paper's, without SE and with it.
OFFSETS = {
    False: (0.1, -0.1, 0.3, 0.0, 0.2, -0.2, 0.4, 0.1, 0.1),
    True: (0.0, 0.1, -0.1, 0.2, -0.2, 0.3, -0.3, 0.0, 0.0),
}
SEEDS = tuple(range(9))
OFFICIAL = {
    'imagenet': ('ImageNet', {'train': 1_281_167, 'val': 50_000}),
    'cifar10': ('CIFAR10', {'train': 50_000, 'test': 10_000}),
    'cifar100': ('CIFAR100', {'train': 50_000, 'test': 10_000}),
    'places365': ('Places365', {'train': 8_026_628, 'val': 36_500}),
    'coco': ('CocoMinival', {'train': 118_287, 'minival': 5_000}),
}


def digest(*parts):
    """A made-up SHA-256."""
    return hashlib.sha256('/'.join(map(str, parts)).encode()).hexdigest()


def data_of(stem, split, official=True):
    """A fingerprint of a split, of the published set or of a small one."""
    name, splits = OFFICIAL[stem.rpartition('_')[2]] if official else ('CocoMinival', {'train': 150, 'minival': 50})
    chosen = 'train' if split == 'train' else next(other for other in splits if other != 'train')
    images = splits[chosen]
    expected = images if official else {'train': 118_287, 'minival': 5_000}[chosen]
    found = dict(name=name, split=chosen, images=images, expected=expected, official=official)
    return found | dict(classes=10, sha256=digest(name, chosen, images), of='list')


def metrics_of(stem, seed=0, crops=None):
    """What a run of a table measures: the paper's number and the seed's offset."""
    table, model, variant = paper_row(stem)
    offset = OFFSETS['se' in stem][seed]
    if LAYOUTS[table].dataset == 'coco':
        ap, ap50 = (figure(table, model, variant, metric) for metric in ('ap', 'ap50'))
        return {'coco/bbox_mAP': (ap - offset) / 100, 'coco/bbox_mAP_50': (ap50 - offset) / 100}
    suffix = '' if table != 8 else '_320' if crops else '_224'
    errors = {top: figure(table, model, variant, f'top{top}_err{suffix}') for top in (1, 5)}
    return {f'accuracy/top{top}': 100 - error - offset for top, error in errors.items() if error is not None}


def evaluation(stem, metrics, sha256, **changes):
    """An entry of a record's evaluations, as tools/test.py adds it; its file is still to be written."""
    pinned = published().get(stem, {})
    return (
        dict(
            config=stem,
            date='2026-02-01T00:00:00+00:00',
            checkpoint='epoch_100.pth',
            checkpoint_sha256=sha256,
            provenance={},
            crops=None,
            tta=False,
            metrics=metrics,
            parameters=26_000_000 if 'se' in stem else 25_000_000,
            latency=dict(ms_per_image=2.1 if 'se' in stem else 2.0, batch=32),
            hardware=dict(gpus=['NVIDIA A100'], cpu='x86_64', processes=1),
            data=data_of(stem, 'test')
            if stem.rpartition('_')[2] in OFFICIAL
            else data_of(stem, 'test', official=False),
            published_hash=pinned.get('hash'),
            deviations=[],
            dirty=[],
            file='metrics.json',
            file_sha256='',
        )
        | changes
    )


def record_of(stem, seed, start, **changes):
    """The record of a finished training, without its tests."""
    official = stem.rpartition('_')[2] in OFFICIAL
    log = '20260101_000000/vis_data/scalars.json'
    session = dict(started=start, last=start, wall_time_s=3600.0, log=log, host='elsewhere', pid=1)
    return (
        new_record(stem)
        | dict(
            status='finished',
            settings={'optim_wrapper.optimizer.lr': 0.6, **({'model.backbone.se.ratio': 16} if 'se' in stem else {})},
            published_hash=published().get(stem, {}).get('hash'),
            deviations=[],
            data=dict(train=data_of(stem, 'train', official)),
            seed=seed,
            commit='0' * 40,
            dirty=[],
            versions={'python': '3.11.7', 'torch': '2.14.1'},
            hardware=dict(gpus=['NVIDIA A100'] * 8, cpu='x86_64', processes=8),
            started=start,
            wall_time_s=3600.0,
            sessions=[session],
            checkpoints=[dict(file='epoch_100.pth', sha256=digest(stem, seed, start))],
        )
        | changes
    )


def make_run(folder, stem, seed=0, metrics=None, *, day=0, tests=None, logged=True, **changes):
    """Write one run.

    Args:
        folder: The work dir to make.
        stem: Its config.
        seed: Its seed.
        metrics: What its one test measured; as `metrics_of` if None, untested if {}.
        day: On which it started.
        tests: Changes of its tests, one dict a test, in place of one test without any.
        logged: Whether there is a log.
        **changes: Of the record.
    """
    folder.mkdir(parents=True, exist_ok=True)
    start = (START + timedelta(days=day)).isoformat()
    record = record_of(stem, seed, start, **changes)
    sha256 = record['checkpoints'][-1]['sha256'] if record['checkpoints'] else None
    if metrics is None:
        metrics = metrics_of(stem, seed)
    for test in (tests or [{}]) if metrics else []:
        entry = evaluation(stem, **dict(metrics=metrics, sha256=sha256) | test)
        write_json(folder / 'metrics.json', dict(metrics=entry['metrics'], parameters=entry['parameters']))
        entry['file_sha256'] = hash_file(folder / 'metrics.json')
        record['evaluations'].append(entry)
    if logged and record['sessions']:
        log = folder / record['sessions'][0]['log']
        log.parent.mkdir(parents=True)
        log.write_text(''.join(scalars(stem, seed)), encoding='utf-8')
    write_record(folder / 'run.json', record)
    return folder


def scalars(stem, seed, epochs=10):
    """Curves as mmengine logs them: losses of iterations, and a validation after each epoch."""
    for epoch in range(1, epochs + 1):
        loss = 6 / (epoch + 1) + 0.01 * seed - (0.1 if 'se' in stem else 0)
        yield json.dumps(dict(lr=0.6, loss=loss, epoch=epoch, iter=epoch * 100, step=epoch * 100)) + '\n'
        yield json.dumps({'accuracy/top1': 70 - 30 / epoch, 'accuracy/top5': 90 - 20 / epoch, 'step': epoch}) + '\n'


def write_json(path, content):
    path.write_text(json.dumps(content, indent=2) + '\n', encoding='utf-8')


def make_broken(folder):
    """One run of every kind that may not count; kind → its folder. They are of seeds that no other run has."""
    places = {}

    def place(kind, stem='resnet50_imagenet', **changes):
        places[kind] = make_run(folder / f'broken_{kind}', stem, **changes)
        return places[kind]

    lr = dict(key='optim_wrapper.optimizer.lr', value=0.1, published=0.6)
    crop = dict(key='test_dataloader.dataset.pipeline.2.crop_size', value=320, published=224)
    mirror = dict(key='tta', value=True, published=False)
    settings = dict(metrics={'accuracy/top1': 99.0, 'accuracy/top5': 99.9})
    running = dict(status='running', checkpoints=[], metrics={})
    place('lr', seed=10, deviations=[lr], **settings)
    place('crop', seed=11, tests=[dict(deviations=[crop])], **settings)
    place('mirrored', seed=12, tests=[dict(tta=True, deviations=[mirror])], **settings)
    place('edited_config', seed=13, published_hash=digest('another'), **settings)
    place('demo_data', seed=14, data=dict(train=data_of('', 'train', official=False)), **settings)
    place('best', seed=15, tests=[dict(checkpoint='best_37.pth', checkpoint_sha256=digest('best'))], **settings)
    place('uncommitted', seed=16, dirty=['senet_mm/layers/se.py', 'tools/train.py'], **settings)
    place('killed', seed=17, wall_time_s=11_520.0, **running)
    place('failed', seed=18, **(running | dict(status='failed', error='OutOfMemoryError: CUDA out of memory')))
    place('stopped', seed=19, **(running | dict(status='interrupted')))
    place('untested', seed=20, metrics={})
    place('second', seed=0, day=9, **settings)
    path = place('edited_record', seed=21, **settings) / 'run.json'
    path.write_text(path.read_text().replace('99.0', '77.0'))
    path = place('edited_metrics', seed=22, **settings) / 'metrics.json'
    path.write_text(path.read_text().replace('99.0', '77.0'))
    path = place('half_record', seed=23, **settings) / 'run.json'
    path.write_text(path.read_text()[:500])
    places['half_metrics'] = folder / 'broken_half_metrics'
    places['half_metrics'].mkdir()
    (places['half_metrics'] / 'metrics.json').write_text('{"metrics": {"accuracy/top1": 7')
    places['unrecorded'] = folder / 'unrecorded' / 'resnet50_imagenet'
    places['unrecorded'].mkdir(parents=True)
    write_json(places['unrecorded'] / 'metrics.json', dict(metrics={'accuracy/top1': 99.0}, parameters=25_000_000))
    (folder / 'broken_empty').mkdir()
    return places


def make_runs(folder: Path, count=500):
    """A work_dirs of `count` runs: up to nine seeds of every table's configs, the demo's, and broken ones.

    Returns:
        The folders of what is broken, by kind; 'no_log' and 'no_metrics' count, and are named.
    """
    places = make_broken(folder)
    stems = dict.fromkeys(stem for number in LAYOUTS for stem in stems_of(number) if stem in published())
    made = len(places)
    for seed, stem in [(seed, stem) for seed in SEEDS for stem in stems]:
        if made == count - 4:
            break
        tests = [{}]
        if stem == 'senet154_imagenet':
            tests = [{}, dict(crops='center-320', metrics=metrics_of(stem, seed, 'center-320'))]
        make_run(folder / stem / f'seed_{seed}', stem, seed, tests=tests)
        made += 1
    places['no_log'] = folder / 'vgg16_imagenet' / 'seed_0'
    (places['no_log'] / '20260101_000000' / 'vis_data' / 'scalars.json').unlink()
    places['no_metrics'] = folder / 'vgg16_imagenet' / 'seed_1'
    (places['no_metrics'] / 'metrics.json').unlink()
    for stem, ap in (('faster_rcnn_r50_demo', 0.382), ('faster_rcnn_se_r50_demo', 0.357)):
        for seed in (0, 1):
            measured = {'coco/bbox_mAP': ap + 0.01 * seed, 'coco/bbox_mAP_50': 0.7}
            make_run(folder / stem / f'seed_{seed}', stem, seed, measured, published_hash=None)
    return places
