"""Experiments as tables of runs: each run once, by its content; one report over all."""
