"""Looking inside trained networks: latents, maps, and what they can be used for."""
