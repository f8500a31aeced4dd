"""What the models, their constraints and the seeds say of each table."""
