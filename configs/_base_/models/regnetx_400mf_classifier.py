# mmpretrain's RegNetX-400MF (arXiv 2003.13678), with a place for an SE block at the end of every residual branch.
_base_ = './linear_classifier.py'
model = dict(
    backbone=dict(
        type='senet_mm.WithSE',
        model=dict(type='mmpretrain.RegNet', arch='regnetx_400mf'),
        where='layer*.*.bn3',
    ),
    head=dict(in_channels=384),
)
