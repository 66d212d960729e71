"""Benchmarks: each module measures in one run, beside its peers where it has any, and says which bars it meets."""
