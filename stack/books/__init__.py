"""``./matinee books``: what the payment provider, the bookings and the sales say of each other.

Pure rules over records (`records`, `payments`, `seats`, `sums`, joined in `comparing`), thin readers
(`mongo`, and behind the port in `reading` `sandbox` and `stripe`), and the command. Nothing is ever
written. It reads the documents, and Stripe's answers, by itself instead of by the services' code: who
audits must not share their mistakes.
"""
