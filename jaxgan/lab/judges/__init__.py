"""Networks that judge images, trained once and kept in the cache of the user."""
