"""What several endurance tests share."""
