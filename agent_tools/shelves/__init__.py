"""Shelves: what stands in which row, how many of each product, and how that compares with what should be there.

`products` says what to look for, `counting` looks, `rows` finds the shelf rows, `expectations` compares, and `results`
holds what comes of it. This package does not know conversations, handles, files of pictures, or how a person is told.
"""
