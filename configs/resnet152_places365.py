# ResNet-152 on Places365-Challenge from scratch, the ImageNet recipe: batch 1024, learning rate 0.6, 100 epochs.
#
#   tools/dist_train.sh configs/resnet152_places365.py 8
#   (fewer GPUs: add --accumulate;
#   every class equally often: --cfg-options train_dataloader.batch_sampler.type=senet_mm.ClassBalancedBatchSampler)
#
# Expected: about 7 days on 8 A100 (an estimate); a quarter of it with the 1.8 million images of Places365-Standard.
# Paper:    top-1 / top-5 error 41.15 / 11.61 % (Table 6).
_base_ = [
    '_base_/models/resnet50_classifier.py',
    '_base_/datasets/places365.py',
    '_base_/schedules/imagenet_100e.py',
    '_base_/classification_runtime.py',
]
model = dict(backbone=dict(depth=152), head=dict(num_classes=365))
