"""The colours of the panels."""

SATURATING, NON_SATURATING = "#d1495b", "#1f6f8b"
INK, PALE, FAINT = "#333333", "#777777", "#bbbbbb"
