"""The routes of the Open Inference Protocol, except inference itself: what clients ask before, and administration."""
