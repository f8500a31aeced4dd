"""Changes to tables in use: deferred steps, backfills in batches, and columns that exist in two forms."""
