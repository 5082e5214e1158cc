"""Payment providers: one port (`ports.PaymentProvider`), a module for each provider."""
