"""The main job as a whole: real commands as real processes, a real database, and a provider that counts."""
