"""The HTTP side of the service: routing, middleware, responses and documentation."""
