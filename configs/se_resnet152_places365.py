# SE-ResNet-152 on Places365-Challenge from scratch, the ImageNet recipe: batch 1024, learning rate 0.6, 100 epochs.
#
#   tools/dist_train.sh configs/se_resnet152_places365.py 8
#   (fewer GPUs: add --accumulate;
#   every class equally often: --cfg-options train_dataloader.batch_sampler.type=senet_mm.ClassBalancedBatchSampler)
#
# Expected: about 8 days on 8 A100 (an estimate); a quarter of it with the 1.8 million images of Places365-Standard.
# Paper:    top-1 / top-5 error 40.37 / 11.01 % (Table 6).
_base_ = './resnet152_places365.py'
model = dict(backbone=dict(se=dict(ratio=16)))
