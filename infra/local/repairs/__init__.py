"""What moto 5.2.5 needs before it may be trusted. Each repair is a context manager: leaving it restores moto."""
