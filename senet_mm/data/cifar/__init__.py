"""CIFAR-10 and CIFAR-100: preparation, files and data set."""
