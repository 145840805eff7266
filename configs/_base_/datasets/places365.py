# Places365 as the paper tests on it: the image resized to 256×256, centre crop 224. Its training is not described;
# imagenet_224.py's serves here.
_base_ = './imagenet_224.py'
data_help = 'tools/prepare_data.py places365 --source <folder of your Places365>'

data_preprocessor = dict(num_classes=365)
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(256, 256), backend='pillow'),
    dict(type='CenterCrop', crop_size=224),
    dict(type='PackInputs'),
]
dataset = dict(type='senet_mm.Places365', data_root='data/places365')
train_dataloader = dict(dataset=dataset)
val_dataloader = dict(dataset=dict(**dataset, pipeline=test_pipeline))
test_dataloader = val_dataloader
