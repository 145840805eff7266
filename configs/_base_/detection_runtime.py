# runtime.py for a detector trained by iterations.
_base_ = './runtime.py'

default_scope = 'mmdet'
default_hooks = dict(
    checkpoint=dict(by_epoch=False, interval=20000),
    visualization=dict(type='DetVisualizationHook'),
)
log_processor = dict(type='LogProcessor', window_size=50, by_epoch=False)
visualizer = dict(type='DetLocalVisualizer', vis_backends=[dict(type='LocalVisBackend')], name='visualizer')
