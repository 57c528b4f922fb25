"""Parts that several endurance tests share."""
