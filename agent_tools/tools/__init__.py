"""What an agent can do to a picture, one file a tool, known by a registry that knows no framework."""
