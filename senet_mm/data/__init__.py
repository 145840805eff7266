"""Datasets, the demo data, and the preparation of real data."""
