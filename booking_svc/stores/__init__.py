"""What booking_svc keeps in MongoDB."""
