"""What has to be done to make one database like another, a module for each kind of object."""
