"""The provider of branches on the embedded server."""
