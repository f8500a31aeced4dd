"""The seeds file: its rules, and how it is read."""
