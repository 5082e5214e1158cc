"""Bookings and their payments: from the quote to the tickets or the refund."""
