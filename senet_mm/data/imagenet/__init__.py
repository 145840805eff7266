"""ImageNet (ILSVRC 2012): preparation."""
