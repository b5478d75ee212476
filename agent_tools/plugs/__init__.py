"""The tool registry in the form each framework expects."""
