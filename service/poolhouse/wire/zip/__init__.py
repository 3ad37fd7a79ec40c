"""The zip archive below npz: stored when written, stored or deflated when read; every length is checked before use.

Source: PKWARE APPNOTE 6.3, sections 4.3 and 4.5.3.
"""
