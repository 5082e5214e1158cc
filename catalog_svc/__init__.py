"""The catalogue: what is on, where and when."""
