"""Domain to protobuf and back. Pure."""
