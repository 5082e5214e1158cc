"""Protobuf answers to frozen view models: pure functions, one module for each subject.

A view model holds text that is ready to be shown. Templates decide where it stands, never what it says.
"""
