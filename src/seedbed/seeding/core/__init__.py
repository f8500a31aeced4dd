"""Column types, random numbers and batches of values."""
