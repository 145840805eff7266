# CIFAR-10 as fb.resnet.torch prepares it: normalise, pad with 4 zeros (the mean colour, that is) and crop 32, flip. The
# flip comes first, on bytes: it gives the same, sooner.
data_help = 'tools/prepare_data.py cifar10'

# whole_batch carries the pipelines out on whole batches, on the training device; there is nothing left for workers to
# do. Without it they run image by image, the same transforms in the same order:
#   --cfg-options train_dataloader.dataset.whole_batch=False
#   (and, to be quicker: train_dataloader.num_workers=8 train_dataloader.persistent_workers=True)
data_preprocessor = dict(type='senet_mm.WholeBatchPreprocessor', num_classes=10)
normalize = dict(type='Normalize', mean=[125.3, 123.0, 113.9], std=[63.0, 62.1, 66.7], to_rgb=False)  # it is RGB
train_pipeline = [
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    normalize,
    dict(type='RandomCrop', crop_size=32, padding=4),
    dict(type='PackInputs'),
]
test_pipeline = [normalize, dict(type='PackInputs')]
train_dataloader = dict(
    batch_size=128,
    num_workers=0,
    persistent_workers=False,
    pin_memory=True,
    collate_fn=dict(type='senet_mm.whole_batch_collate'),
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='senet_mm.CIFAR10', data_root='data/cifar10', split='train', whole_batch=True, pipeline=train_pipeline
    ),
)
val_dataloader = dict(
    batch_size=500,
    num_workers=0,
    persistent_workers=False,
    pin_memory=True,
    collate_fn=dict(type='senet_mm.whole_batch_collate'),
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='senet_mm.CIFAR10', data_root='data/cifar10', split='test', whole_batch=True, pipeline=test_pipeline
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='Accuracy', topk=(1, 5))
test_evaluator = val_evaluator
