"""Domain ↔ protobuf, one module for each subject; pure."""
