"""The statements that create, alter and drop each kind of object."""
