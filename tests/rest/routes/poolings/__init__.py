"""Tests of the route of several poolings."""
