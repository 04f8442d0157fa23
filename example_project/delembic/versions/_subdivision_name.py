"""Removes what does not belong in the name of a subdivision."""

import re

# A second code in brackets ("Stockholms län [SE-01]"), a code after the Welsh name ("Cardiff
# [Caerdydd GB-CRD]"), and the dagger of a footnote that the source does not include ("Butel †").
CLUTTER = re.compile(r" (\[[A-Z]{2}-\w{1,3}\]|[A-Z]{2}-\w{1,3}(?=\])|†)")


def without_clutter(name: str) -> str:
    """Return the name alone.

    Example:
        >>> without_clutter("Cardiff [Caerdydd GB-CRD]")
        'Cardiff [Caerdydd]'
    """
    return CLUTTER.sub("", name)
