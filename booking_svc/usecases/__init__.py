"""What booking_svc does, one module for each subject."""
