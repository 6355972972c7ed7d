# stress: its targets.
