"""The chart's processes on this machine, a clinic in them, and a load while replicas are replaced."""
