"""Sample rows for a proof, from the models, the constraints and the types of columns."""
