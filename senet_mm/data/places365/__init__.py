"""Places365: preparation and class names."""
