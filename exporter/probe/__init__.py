"""The prober: walks through one submission and reports what it saw."""
