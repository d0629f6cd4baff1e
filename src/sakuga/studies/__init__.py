"""Experiments as tables of runs with one report."""
