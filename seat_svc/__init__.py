"""The seat inventory: what is free, held, being confirmed and sold in every show."""
