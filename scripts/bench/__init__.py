"""Measures gowsgi and its peers on one machine. Started by scripts/bench.sh."""
