"""Pictures: PNG and JPEG files as tensors, and tensors as PNG files."""
