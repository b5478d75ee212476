"""Counting shelves by the folder: pictures in, counts against what should be there out, a report to read.

`inputs` says which pictures, `run` counts them and keeps every result at once in a `store`, so that a run that was cut
off goes on where it was; `on_ray` does the same on a cluster. `tables` and `report` are made from the store, `review`
takes a person's corrections into it. This package does not know how a shelf is counted.
"""
