# A backbone, global average pooling, and one fully-connected layer for CIFAR-10's ten classes.
_base_ = './linear_classifier.py'
# Torch's initialisation, as in the originals: ±1/√inputs, which each network's file says, and no bias.
model = dict(head=dict(num_classes=10, init_cfg=dict(type='Uniform', layer='Linear', bias=0)))
