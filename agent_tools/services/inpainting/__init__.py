"""What fills holes in pictures besides patches of the picture itself; `factories.build_inpainter` knows their names."""
