"""Hearing a spoken request: a sound in, its words out; the sound stays on this machine unless a provider was chosen."""
