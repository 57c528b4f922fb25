"""Long tests of what must never happen: devices that disagree, lost runs, leaks."""
