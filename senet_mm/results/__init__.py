"""Collecting runs and rendering tables."""
