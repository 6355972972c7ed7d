# harness: its targets.
