"""Networks, chips and training steps counted by hand."""
