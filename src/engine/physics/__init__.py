"""Forward operators: what a measurement would show for given coordinates."""
