"""Loading of planned rows into a database."""
