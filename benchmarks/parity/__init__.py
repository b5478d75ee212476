"""Our numbers against those of the models' authors' own packages; see `originals` and `__main__`."""
