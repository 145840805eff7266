# ResNet-50 by the recipe of the ablations with fixed steps: 270 epochs, ÷10 at 125, 200 and 250.
#
#   tools/dist_train.sh configs/ablation/resnet50_ablation_270e_imagenet.py 8
#
# Expected: about 45 hours on 8 A100 (an estimate).
# Paper:    top-1 / top-5 error 23.21 / 6.53 % (Sec. 6, footnote; no table).
_base_ = [
    '../_base_/models/resnet50_smoothed_classifier.py',
    '../_base_/datasets/imagenet_224.py',
    '../_base_/schedules/imagenet_270e.py',
    '../_base_/classification_runtime.py',
]
train_dataloader = dict(batch_size=32)
