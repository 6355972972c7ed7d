# alloc: its targets.
