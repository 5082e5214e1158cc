"""The launcher: engines, processes, demo data and the commands of ``./matinee``."""
