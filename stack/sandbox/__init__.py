"""A payment provider to try things out with: hosted pages, a JSON API, signed webhooks.

It stands for a third party. It knows nothing of Matinee, imports nothing of it,
and is reached over HTTP alone; no money moves. See `cards` for the test cards.
"""
