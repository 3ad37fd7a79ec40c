"""The layers and their gradients."""
