"""Models behind two narrow protocols: a detector finds boxes for phrases, a segmenter turns prompts into masks."""
