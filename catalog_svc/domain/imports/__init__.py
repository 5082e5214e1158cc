"""What may be stored: the rules that every imported record has to keep."""
