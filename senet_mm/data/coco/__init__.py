"""COCO by the minival protocol: preparation, data set and metric."""
