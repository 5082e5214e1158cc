"""What the catalogue is made of, and its rules; time is always an argument."""
