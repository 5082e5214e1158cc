"""Messages to customers: e-mail now, text messages and Web Push by the same port."""
