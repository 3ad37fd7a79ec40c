"""Operators of other frameworks under their own names: tables that translate attributes to fields of our operators."""
