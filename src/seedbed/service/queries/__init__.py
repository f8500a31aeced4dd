"""From requests to SQL and JSON: resources, filters, and the mapping of column types."""
