"""Trained networks without a Runner: their weights, their share of the images, and what they measure."""

import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import sampler
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.registry import init_default_scope

from senet_mm.data.errors import DataError
from senet_mm.engine import inference
from tests.analysis.gated import Gated
from tests.analysis.recorded import IMAGES, config

MODEL = dict(
    type='ImageClassifier',
    backbone=dict(type='senet_mm.SEResNet', depth=18),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='LinearClsHead', num_classes=3, in_channels=512, topk=(1,)),
)


def settings(**changes):
    return Config(dict(default_scope='mmpretrain', data_preprocessor=dict(mean=[7.0] * 3, std=[2.0] * 3), model=dict(MODEL, **changes)))  # fmt: skip  # noqa: E501


def build(cfg):
    from mmengine.registry import MODELS

    init_default_scope('mmpretrain')
    return MODELS.build(cfg.model)


@pytest.mark.parametrize('prefix', ['', 'module.'])
def test_a_network_has_the_weights_of_the_checkpoint(tmp_path, prefix):
    cfg, path = settings(), str(tmp_path / 'epoch_1.pth')
    saved = build(cfg).state_dict()
    torch.save(dict(state_dict={f'{prefix}{name}': value for name, value in saved.items()}), path)
    network = inference.load_network(cfg, path)
    assert not network.training
    loaded = network.state_dict()
    assert all(torch.equal(loaded[name].cpu(), value) for name, value in saved.items())
    assert network.data_preprocessor.mean.flatten().tolist() == [7.0] * 3


def test_a_checkpoint_of_another_network_is_refused(tmp_path):
    path = str(tmp_path / 'epoch_1.pth')
    torch.save(dict(state_dict=build(settings(backbone=dict(type='senet_mm.ResNet', depth=18))).state_dict()), path)
    with pytest.raises(DataError, match='looks like a network without SE; this config has SE'):
        inference.load_network(settings(), path)


@pytest.mark.parametrize('padded', [False, True])
def test_processes_share_the_images(demo, monkeypatch, padded):
    init_default_scope('mmpretrain')
    shares = []
    for rank in range(4):
        monkeypatch.setattr(sampler, 'get_dist_info', lambda rank=rank: (rank, 4))
        loader = inference.build_loader(config(demo), 'val', padded=padded)
        shares.append(list(loader.sampler))
        assert len(loader.sampler) == len(shares[-1])
    images = sorted(index for share in shares for index in share)
    if padded:
        assert {len(share) for share in shares} == {5}
        assert set(images) == set(range(IMAGES))
    else:
        assert images == list(range(IMAGES))


def test_the_order_is_that_of_the_data_set_though_the_config_shuffles(demo):
    init_default_scope('mmpretrain')
    loader = inference.build_loader(config(demo, batch_size=7), 'val', padded=True)
    paths = [sample.img_path for batch in loader for sample in batch['data_samples']]
    assert paths == sorted(paths)
    assert len(paths) == IMAGES


def test_what_a_config_lacks_is_an_error(demo, monkeypatch):
    init_default_scope('mmpretrain')
    with pytest.raises(DataError, match='has no test_dataloader'):
        inference.build_loader(config(demo), 'test', padded=True)
    monkeypatch.setattr(inference, 'get_world_size', lambda: 20)
    with pytest.raises(DataError, match='19 images for 20 processes'):
        inference.build_loader(config(demo), 'val', padded=False)


class Seen(BaseMetric):
    default_prefix = 'seen'

    def process(self, data_batch, data_samples):
        self.results += [(sample['img_path'], int(sample['pred_score'].argmax())) for sample in data_samples]

    def compute_metrics(self, results):
        return dict(
            images=len(set(results)), classes=self.dataset_meta['classes'][0], sum=sum(row[1] for row in results)
        )


def test_an_evaluator_gets_every_prediction_and_begins_anew(demo):
    init_default_scope('mmpretrain')
    loader, network = inference.build_loader(config(demo), 'val', padded=True), Gated()
    images = torch.cat([batch['inputs'] for batch in loader])
    evaluator = Evaluator(Seen())
    with torch.no_grad():
        expected = int(network(images).argmax(1).sum())
    for _ in range(2):
        found = inference.evaluate(network, loader, evaluator)
        assert found == {
            'seen/images': IMAGES,
            'seen/classes': loader.dataset.metainfo['classes'][0],
            'seen/sum': expected,
        }
