"""What must never happen, tried out: devices that disagree, lost runs, leaks."""
