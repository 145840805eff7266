"""What stands in when a dependency lacks a part."""
