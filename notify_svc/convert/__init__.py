"""Protobuf to domain and back; pure."""
