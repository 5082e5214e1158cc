"""What the service does, one function each."""
