"""The smallest study that a configuration can ask for, to which tests add their own keys."""

SMALL = """
name = "small"
[scenario]
sites = 3
origins = 3
slots = 2
"""
IN_JANUARY = SMALL + 'start = "2024-01-15T00:00+10:00"\n'
