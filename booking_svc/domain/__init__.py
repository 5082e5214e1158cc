"""What a booking is and what may become of it; pure, and time is an argument."""
