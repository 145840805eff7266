"""The demo data: digits on photographs in the layouts of CIFAR-10, COCO, ImageNet and Places365."""
