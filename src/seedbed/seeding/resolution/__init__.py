"""How the keys, the numbers of rows and the unique columns of each table are settled."""
