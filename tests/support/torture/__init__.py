"""The promise of a run, under kills, signals, cut connections and races that are real.

Runners are processes of their own. How much of it there is comes from the environment (see
`torture.sizes`): ``make test`` holds the quick form, ``make torture`` the long one.
"""
