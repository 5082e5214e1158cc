"""What there is to tell, to whom, and where it stands."""
