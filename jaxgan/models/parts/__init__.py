"""Parts that the models of several papers share."""
