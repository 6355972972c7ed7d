# ci: its targets.
