"""The Flask application, one blueprint per room."""
