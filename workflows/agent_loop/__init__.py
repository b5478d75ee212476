"""What keeps a language model's turn honest, bounded and explained: budget, retries, checks, trace, recordings."""
