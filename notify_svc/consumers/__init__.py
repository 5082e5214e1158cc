"""The queues of messages to customers, and who works on them."""
