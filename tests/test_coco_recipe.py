"""Faster R-CNN as Detectron trains and tests it: values of its e2e_faster_rcnn_R-50-FPN_2x.yaml and core/config.py.

What its code does with them (utils/lr_policy.py, modeling/optimizer.py, roi_data/rpn.py) is written out in NumPy here.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmcv.transforms import Compose
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope

from tests.schedule import Schedule

CONFIGS = Path(__file__).parents[1] / 'configs'
DETECTORS = [f'faster_rcnn_{se}r{depth}_2x_coco' for depth in (50, 101) for se in ('', 'se_')]
BATCH_NORM = ('bn1', 'bn2', 'bn3', 'downsample.1')


def load(name='faster_rcnn_se_r50_2x_coco'):
    return Config.fromfile(CONFIGS / f'{name}.py')


def build(registry, options):
    import mmdet.models  # noqa: F401  (registers what the configs name)
    from mmdet import registry as registries

    return getattr(registries, registry).build(dict(options, _scope_='mmdet'))


@pytest.fixture(scope='module')
def detector():
    """The SE detector without its weights, in training."""
    cfg = load()
    cfg.model.backbone.init_cfg = None
    with torch.device('meta'):
        return build('MODELS', cfg.model).train()


def trained(module):
    return {name for name, parameter in module.named_parameters() if parameter.requires_grad}


@pytest.mark.parametrize('name', DETECTORS)
def test_data_batch_and_schedule_are_the_same_in_all(name):
    cfg, first = load(name), load(DETECTORS[0])
    loaders = [f'{split}_dataloader' for split in ('train', 'val', 'test')]
    for part in ('optim_wrapper', 'param_scheduler', 'train_cfg', *loaders):
        assert cfg[part] == first[part], part
    assert {**cfg.model, 'backbone': None} == {**first.model, 'backbone': None}
    assert cfg.optim_wrapper.optimizer == dict(type='SGD', lr=0.02, momentum=0.9, weight_decay=1e-4)
    assert (cfg.train_cfg.type, cfg.train_cfg.max_iters) == ('IterBasedTrainLoop', 180_000)
    assert cfg.train_dataloader.batch_size * 8 == cfg.auto_scale_lr.base_batch_size == 16
    assert cfg.model.backbone.depth == (101 if 'r101' in name else 50)


def test_it_trains_on_train_and_valminusminival_and_tests_on_minival():
    """How many images these have: tests/data/coco/test_preparation.py."""
    cfg = load()
    splits = [(loader.dataset.type, loader.dataset.split) for loader in (cfg.train_dataloader, cfg.test_dataloader)]
    assert splits == [('senet_mm.CocoMinival', 'train'), ('senet_mm.CocoMinival', 'minival')]
    assert cfg.train_dataloader.dataset.filter_cfg == dict(filter_empty_gt=True)


def test_the_learning_rate_of_every_iteration_is_detectrons(tmp_path):
    def rate(iteration):
        step = 0.1 ** sum(iteration >= start for start in (120_000, 160_000))
        alpha = min(iteration / 500, 1)
        return 0.02 * step * ((1 - alpha) / 3 + alpha)

    (rates,) = Schedule(load(), 180_000, tmp_path).rates()
    np.testing.assert_allclose(rates, [rate(iteration) for iteration in range(180_000)], rtol=1e-9)


def test_biases_learn_twice_as_fast_and_do_not_decay(detector):
    groups = build_optim_wrapper(detector, load().optim_wrapper).optimizer.param_groups
    names = {id(parameter): name for name, parameter in detector.named_parameters()}
    found = {names[id(group['params'][0])]: (group['lr'], group['weight_decay'], group['momentum']) for group in groups}
    assert found.keys() == trained(detector)
    assert 'backbone.layer2.0.se.fc1.bias' in found
    for name, options in found.items():
        assert options == ((0.04, 0.0, 0.9) if name.endswith('bias') else (0.02, 1e-4, 0.9)), name


def test_batchnorm_the_stem_and_the_first_stage_are_frozen(detector):
    backbone = detector.backbone
    frozen = {name for name, _ in backbone.named_parameters()} - trained(backbone)
    for name, _ in backbone.named_parameters():
        module = name.rpartition('.')[0]
        assert (name in frozen) == (module.endswith(BATCH_NORM) or name.startswith(('conv1.', 'layer1.'))), name
    assert not any(module.training for module in backbone.modules() if isinstance(module, torch.nn.BatchNorm2d))


@pytest.fixture
def pipeline():
    """The config's training pipeline from the resizing on, as a function of a size and boxes."""
    from mmdet.structures.bbox import HorizontalBoxes

    init_default_scope('mmdet')
    steps = load().train_dataloader.dataset.pipeline
    assert [step.type for step in steps] == [
        'LoadImageFromFile', 'LoadAnnotations', 'Resize', 'RandomFlip', 'PackDetInputs'
    ]  # fmt: skip
    run = Compose(steps[2:4])

    def apply(height, width, boxes):
        image = np.zeros((height, width, 3), np.uint8)
        boxes = HorizontalBoxes(torch.tensor(boxes, dtype=torch.float32))
        return run(dict(img=image, gt_bboxes=boxes, img_shape=image.shape[:2], ori_shape=image.shape[:2]))

    return apply


@pytest.mark.parametrize(
    ('size', 'resized'),
    [
        ((480, 640), (800, 1067)),  # the shorter side is 800 …
        ((640, 427), (1199, 800)),
        ((600, 600), (800, 800)),
        ((400, 1000), (533, 1333)),  # … unless the longer one would be more than 1333
        ((1600, 300), (1333, 250)),
    ],
)
def test_the_shorter_side_is_800_and_the_longer_at_most_1333(pipeline, size, resized):
    assert pipeline(*size, [[0, 0, 1, 1]])['img'].shape[:2] == resized
    assert [step.scale for step in load().test_dataloader.dataset.pipeline if step.type == 'Resize'] == [(1333, 800)]


def test_half_of_the_images_are_mirrored_and_their_boxes_with_them(pipeline):
    np.random.seed(0)
    found = [pipeline(400, 400, [[10, 20, 60, 100]]) for _ in range(200)]
    mirrored = [sample for sample in found if sample['flip']]
    assert 70 < len(mirrored) < 130
    for sample in found:
        left, right = (800 - 120, 800 - 20) if sample['flip'] else (20, 120)
        assert sample['gt_bboxes'].tensor.tolist() == [[left, 40, right, 200]]


def test_anchors_have_one_size_a_level():
    generator = build('TASK_UTILS', load().model.rpn_head.anchor_generator)
    assert [stride[0] for stride in generator.strides] == [4, 8, 16, 32, 64]
    for size, anchors in zip((32, 64, 128, 256, 512), generator.base_anchors, strict=True):
        width, height = (anchors[:, 2] - anchors[:, 0]), (anchors[:, 3] - anchors[:, 1])
        torch.testing.assert_close((width * height).sqrt(), torch.full((3,), float(size)))
        torch.testing.assert_close(height / width, torch.tensor([0.5, 1.0, 2.0]))


def overlaps(boxes, others):
    """Intersection over union, (N,M)."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    both = np.clip(high - low, 0, None).prod(2)
    area, other_area = ((one[:, 2:] - one[:, :2]).prod(1) for one in (boxes, others))
    return both / (area[:, None] + other_area[None] - both)


def test_anchors_are_labelled_as_by_detectron():
    """_get_rpn_blobs: positive from 0.7 on and where no anchor fits an object better, negative below 0.3."""
    from mmengine.structures import InstanceData

    model = load().model
    # Squares and whole numbers, so that anchors which fit an object equally well do so to the last bit.
    generator = build('TASK_UTILS', dict(model.rpn_head.anchor_generator, ratios=[1.0]))
    assigner = build('TASK_UTILS', model.train_cfg.rpn.assigner)
    anchors = torch.cat(generator.grid_priors([(64, 64), (32, 32), (16, 16), (8, 8), (4, 4)], device='cpu'))
    rng = np.random.default_rng(0)
    corners = rng.integers(0, 120, (12, 2))
    boxes = np.concatenate((corners, corners + rng.integers(8, 130, (12, 2))), 1).astype(np.float32)
    boxes[0, 2:] = boxes[0, :2] + 6  # an object that no anchor fits
    found = assigner.assign(
        InstanceData(priors=anchors),
        InstanceData(bboxes=torch.from_numpy(boxes), labels=torch.zeros(12, dtype=torch.long)),
    )
    overlap = overlaps(anchors.numpy().astype(np.float64), boxes.astype(np.float64))
    best = overlap.max(1)
    labels = np.where(best >= 0.7, 1, np.where(best < 0.3, 0, -1))
    labels[(overlap == overlap.max(0)).any(1)] = 1
    assert overlap.max(0)[0] < 0.1
    assert {-1, 0, 1} == set(labels)
    np.testing.assert_array_equal(np.clip(found.gt_inds.numpy(), -1, 1), labels)


@pytest.mark.parametrize(('part', 'beta'), [('rpn_head', 1 / 9), ('roi_head', 1.0)])
def test_boxes_have_a_smooth_l1_loss(detector, part, beta):
    loss = {'rpn_head': detector.rpn_head, 'roi_head': detector.roi_head.bbox_head}[part].loss_bbox
    x = torch.tensor([0.0, 0.02, -0.1, 0.5, -0.99, 1.5, -4.0])
    expected = [0.5 * d * d / beta if d < beta else d - 0.5 * beta for d in x.abs().tolist()]
    assert loss(x, torch.zeros(7), reduction_override='none').tolist() == pytest.approx(expected)
    assert loss.loss_weight == 1


def test_proposals():
    model = load().model
    rpn = model.train_cfg.rpn
    assert (rpn.sampler.num, rpn.sampler.pos_fraction, rpn.allowed_border) == (256, 0.5, 0)
    training, test = model.train_cfg.rpn_proposal, model.test_cfg.rpn
    assert (training.nms_pre, training.max_per_img) == (2000, 2000)
    assert (test.nms_pre, test.max_per_img) == (1000, 1000)
    assert training.nms == test.nms == dict(type='nms', iou_threshold=0.7)
    assert training.min_bbox_size == test.min_bbox_size == 0


def test_the_roi_head(detector):
    head, rcnn = detector.roi_head, load().model.train_cfg.rcnn
    for layer, stride in zip(head.bbox_roi_extractor.roi_layers, (4, 8, 16, 32), strict=True):
        assert (type(layer).__name__, layer.output_size, layer.sampling_ratio) == ('RoIAlign', (7, 7), 2)
        assert layer.spatial_scale == 1 / stride
    assert [tuple(layer.weight.shape) for layer in head.bbox_head.shared_fcs] == [(1024, 256 * 49), (1024, 1024)]
    assert (head.bbox_head.fc_cls.out_features, head.bbox_head.fc_reg.out_features) == (81, 80 * 4)
    assert (rcnn.sampler.num, rcnn.sampler.pos_fraction, rcnn.sampler.add_gt_as_proposals) == (512, 0.25, True)
    assert (rcnn.assigner.pos_iou_thr, rcnn.assigner.neg_iou_thr, rcnn.assigner.ignore_iof_thr) == (0.5, 0.5, -1)


def test_box_weights_are_10_10_5_5(detector):
    proposal, box = torch.tensor([[10.0, 20.0, 50.0, 100.0]]), torch.tensor([[14.0, 12.0, 74.0, 92.0]])
    # the centre from (30, 60) to (44, 52), the size from 40 × 80 to 60 × 80
    expected = [10 * 14 / 40, 10 * -8 / 80, 5 * np.log(60 / 40), 0]
    assert detector.roi_head.bbox_head.bbox_coder.encode(proposal, box)[0].tolist() == pytest.approx(expected, abs=1e-5)


def test_what_counts_as_a_detection():
    assert load().model.test_cfg.rcnn == dict(score_thr=0.05, nms=dict(type='nms', iou_threshold=0.5), max_per_img=100)
