# resnet50_classifier.py with label smoothing. The paper gives no strength; 0.1 is that of the one it cites, 1512.00567.
_base_ = './resnet50_classifier.py'
model = dict(
    head=dict(
        loss=dict(_delete_=True, type='LabelSmoothLoss', label_smooth_val=0.1, mode='original', loss_weight=1.0),
    ),
)
