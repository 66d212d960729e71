"""What people send, opened with care."""
