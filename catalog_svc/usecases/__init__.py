"""What the catalogue does; one function for each thing."""
