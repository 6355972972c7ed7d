# bench: its targets.
