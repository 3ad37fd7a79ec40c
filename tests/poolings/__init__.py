"""Tests of several poolings in one request."""
