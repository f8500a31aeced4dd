"""The HTTP API of the emulator."""
