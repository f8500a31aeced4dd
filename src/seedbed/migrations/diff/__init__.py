"""The statements that turn one catalog into another, with a module for each kind of object."""
