"""What makes a demo config small enough for a test."""


def classifier(demo, work_dir, *more):
    """Options of a run of a demo classifier with two iterations an epoch."""
    loaders = ('train_dataloader', 'val_dataloader', 'test_dataloader')
    return [
        '--work-dir',
        work_dir,
        '--cfg-options',
        *[f'{loader}.dataset.data_root={demo}/imagenet' for loader in loaders],
        *[f'{loader}.num_workers=0' for loader in loaders],
        *[f'{loader}.batch_size=15' for loader in loaders],
        'model.backbone.depth=18',
        'model.head.in_channels=512',
        'default_hooks.checkpoint.interval=1',
        *more,
    ]


def detector(demo, work_dir, *more):
    """Options of a run of a demo detector with two iterations."""
    loaders = ('train_dataloader', 'val_dataloader', 'test_dataloader')
    evaluators = ('val_evaluator', 'test_evaluator')
    return [
        '--work-dir',
        work_dir,
        '--cfg-options',
        *[f'{place}.data_root={demo}/coco/' for place in evaluators],
        *[f'{loader}.dataset.data_root={demo}/coco/' for loader in loaders],
        *[f'{loader}.num_workers=0' for loader in loaders],
        *[f'{loader}.persistent_workers=False' for loader in loaders],
        'model.backbone.depth=18',
        'model.neck.in_channels=[64,128,256,512]',
        'model.backbone.init_cfg=None',
        'train_cfg.max_iters=2',
        'default_hooks.logger.interval=1',
        *more,
    ]
