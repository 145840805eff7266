# The schedule of Table 3: batch 256, learning rate 0.1, ÷10 when the validation loss stops falling, up to 400 epochs.
_base_ = './imagenet_plateau.py'

# Weight decay: ShuffleNet's, from memory; the paper does not give it.
optim_wrapper = dict(optimizer=dict(weight_decay=4e-5))
param_scheduler = dict(patience=20)
