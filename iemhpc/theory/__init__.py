"""What physics says without a simulation."""
