"""The model server, in parts: what a replica does, the HTTP front, its figures, and which replica is asked."""
