"""What ImageNet and Places365 have in common: trees of labelled images and their data sets."""
