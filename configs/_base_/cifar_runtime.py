# classification_runtime.py for hundreds of short epochs.
_base_ = './classification_runtime.py'

default_hooks = dict(logger=dict(interval=100), checkpoint=dict(interval=10))
