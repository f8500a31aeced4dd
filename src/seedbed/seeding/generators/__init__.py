"""What fills each column."""
