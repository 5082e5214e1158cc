"""Ways to the outside, behind the port `Sender`: e-mail; text messages and Web Push come beside it."""
