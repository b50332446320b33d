"""Measurements: figures, not tests. `make bench` measures the fan-out, `make bench-main-job` the main job."""
