"""What every process shares: settings, logs, servers, channels, errors. It knows no service."""
